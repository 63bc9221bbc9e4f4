"""A sweep is one line of the leaderboard: the range of its settings, which are unfolded from it. No setting is picked as the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fpmg_bench.report.blocks import Cell, Row
from fpmg_bench.report.measures import Measure
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import plural

FEWEST = 3  # settings that make a sweep

Line = tuple[Method, Row]


def base(method: Method) -> str:
    """The name before the setting: `copula` of `copula[epsilon=4]`."""
    return method.name.partition("[")[0]


def lines(view: View, group: Group, shown: Sequence[Measure], rows: Sequence[Line]) -> Iterator[Row]:
    """The rows in their order; each sweep where its first setting stands, followed by all of its settings."""
    members: dict[str, list[Line]] = {}
    for method, row in rows:
        members.setdefault(base(method), []).append((method, row))
    for name, mine in members.items():
        if len(mine) < FEWEST:
            yield from (row for _, row in mine)
            continue
        yield _line(view, group, shown, name, [method for method, _ in mine])
        yield from (replace(row, of=name) for _, row in mine)


def _line(view: View, group: Group, shown: Sequence[Measure], name: str, methods: Sequence[Method]) -> Row:
    finished = sum(bool(method.done) for method in methods)
    said = plural(len(methods), "setting") + ("" if finished == len(methods) else f", {finished} finished")
    return Row([Cell(name, said, sort=name), *(_range(view, group, measure, methods) for measure in shown)], sweep=name)


def _range(view: View, group: Group, measure: Measure, methods: Sequence[Method]) -> Cell:
    """Lowest and highest mean; sorted by the best."""
    means = [mean for m in methods if (mean := measure.summary(view, group, m).mean) is not None]
    if not means:
        return Cell("–", tone="muted")
    ends = list(dict.fromkeys(measure.say(end) for end in (min(means), max(means))))
    return Cell(" to ".join(ends), sort=min(means, key=measure.loss))
