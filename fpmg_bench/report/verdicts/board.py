"""The leaderboard as rows, best first: the report's numbers and the report's words for who stands where, for the program and for Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.report.measures import LEADERBOARD, TSTR, WORDS, Measure
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.verdicts.leaders import Standing, best_first, leading, standing
from fpmg_bench.report.view import Group, Method, View

if TYPE_CHECKING:
    import pandas as pd

NOT_RANKED = "not ranked"


@dataclass(frozen=True, slots=True)
class Line:
    """One method on one cohort. found: its headline score.

    stands: wins, best mean, level with the best, worse, not ranked; reference, control or audit for what does not compete; else why
    it has no number.
    """

    group: Group
    method: Method
    measure: Measure
    found: Summary
    stands: str
    competes: bool


def board(view: View, group: Group) -> list[Line]:
    """All methods of a cohort: those that compete, as the report has them; then references, controls and audits, in the suite's order."""
    measure = leading(view, group) or TSTR
    table = standing(view, group, measure)
    competing = [method for method in group.methods if not _beside(group, method)]
    beside = [method for method in group.methods if _beside(group, method)]
    lines = [_line(view, group, method, measure, table) for method in [*best_first(view, group, competing), *beside]]
    return sorted(lines, key=lambda line: 0 if line.competes else 1 + (line.found.mean is None))


def _line(view: View, group: Group, method: Method, measure: Measure, table: Standing | None) -> Line:
    found = measure.summary(view, group, method)
    other = _beside(group, method)
    return Line(group, method, measure, found, other or _stands(method, found, table), not other)


def _beside(group: Group, method: Method) -> str:
    """What a method is that does not compete; "" for those that do."""
    if method.role == "control":
        return "control"
    if method.audited:
        return "audit"
    return "reference" if method.pooled or method in group.decoded else ""


def _stands(method: Method, found: Summary, table: Standing | None) -> str:
    if found.mean is None:
        return WORDS.get(found.status, found.status)
    if table is None or not table.ranked or any(method is short for short, _ in table.short):
        return NOT_RANKED
    if method is table.leader[0]:
        return "best mean" if table.rivals else "wins"
    return "level with the best" if any(method is rival for rival, _ in table.rivals) else "worse"


def best(view: View, most: int = 3) -> list[Line]:
    """The first few of every cohort that compete and have a number."""
    return [
        line
        for group in view.groups
        for line in [each for each in board(view, group) if each.competes and each.found.mean is not None][:most]
    ]


def table(view: View) -> pd.DataFrame:
    """One row a cohort and method: dataset, method, stands, seeds; then of every headline score its mean and 95 % interval.

    Columns of a score: its name in results.parquet, `<name>_low`, `<name>_high`; NaN where it was not measured or has no interval.
    """
    import pandas as pd

    rows = [_row(view, line) for group in view.groups for line in board(view, group)]
    made = pd.DataFrame(rows, columns=list(dict.fromkeys(name for row in rows for name in row)))
    return made.astype(dict.fromkeys(made.columns[4:], float))


def _row(view: View, line: Line) -> dict[str, Any]:
    row = {"dataset": line.group.title, "method": line.method.name, "stands": line.stands, "seeds": line.found.seeds}
    for name, found in _scores(view, line.group, line.method):
        row |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
    return row


def _scores(view: View, group: Group, method: Method, measures: Sequence[Measure] = LEADERBOARD) -> Iterator[tuple[str, Summary]]:
    for measure in measures:
        if metric := measure.metric(view, group):
            yield metric, measure.summary(view, group, method)
