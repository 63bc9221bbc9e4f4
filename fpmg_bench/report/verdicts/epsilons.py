"""Figure: what formal privacy costs. Utility and attack by epsilon, one line a method that was run at several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fpmg_bench.report.blocks import Cell, Figure, Head, Key, Plot, Row, Table
from fpmg_bench.report.drawing import figures
from fpmg_bench.report.drawing.palette import Style, style
from fpmg_bench.report.measures import ATTACK, RG, Measure, cell, epsilon, formal, heads, holds
from fpmg_bench.report.privacy.attacks import NEIGHBOUR, RECORDS
from fpmg_bench.report.verdicts.leaders import leading
from fpmg_bench.report.view import Group, Method, View

FEWEST = 2  # distinct finite budgets that make a curve
SYMBOLS = {"ring": "circle", "star": "star"}
NOTE = (
    "One line a method that was run at several budgets; circles are rings, stars are stars, squares other topologies. ∞, at the right: no formal "
    "guarantee. The axis is logarithmic; marks at the same ε stand side by side. Bars are 95 % intervals over seeds. Dotted, straight "
    "across: an attacker who guesses."
)
Line = tuple[str, Style, list[Method]]


def figure(view: View, group: Group) -> Iterator[Figure]:
    """Nothing where fewer than two finite budgets were run."""
    budgets = sorted({trial.spec["privacy"]["epsilon"] for m in group.ranked for trial in m.done if trial.spec.get("privacy")})
    up = leading(view, group) or RG
    shown = [measure for measure in (up, ATTACK) if measure.metric(view, group)]
    if len(budgets) < FEWEST or not shown:
        return
    lines = list(_lines(view, group))
    yield Figure(
        f"epsilons-{group.id}",
        f"{group.title}: by formal ε",
        f"{group.title}: {' and '.join(m.name(view, group) for m in shown)} by formal epsilon, ring and star apart. The table below holds the same numbers.",
        [_plot(view, group, measure, lines, budgets) for measure in shown],
        _table(view, group, [m for m in (*shown, RECORDS, NEIGHBOUR) if m.metric(view, group)]),
        [Key(name, drawn.swatch) for name, drawn, _ in lines],
        NOTE,
    )


def _lines(view: View, group: Group) -> Iterator[Line]:
    """(name, style, methods by rising epsilon): a method and its sweep over budgets are one line.

    Markers say the topology here, so that colours alone tell lines apart: where two would share one, they are given out anew.
    """
    found: dict[str, list[Method]] = {}
    for method in group.ranked:
        if method.done and not method.pooled:
            found.setdefault(method.name.partition("[")[0], []).append(method)
    usual = [view.styles[methods[0].name] for methods in found.values()]
    shared = len({drawn.index for drawn in usual}) < len(usual)
    for i, (name, methods) in enumerate(found.items()):
        drawn = style(i) if shared else usual[i]
        yield name, Style(drawn.index, SYMBOLS.get(_topology(methods[0]), "square"), drawn.dash), sorted(methods, key=_formal)


def _topology(method: Method) -> str:
    choice = method.spec.get("topology") or {}
    return str(choice if isinstance(choice, str) else choice.get("name"))


def _formal(method: Method) -> float:
    found = formal(method)
    return math.inf if found is None else found


def _plot(view: View, group: Group, measure: Measure, lines: Sequence[Line], budgets: Sequence[float]) -> Plot:
    """Budgets on a logarithmic axis, infinity at its right end; lines stand side by side, so that equal ones are seen."""
    low, high = math.log10(budgets[0]), math.log10(budgets[-1])
    last = high + 0.35 * max(1.0, high - low)
    aside = 0.015 * (last - low)
    traces = [
        trace
        for i, line in enumerate(lines)
        for trace in _traces(view, group, measure, line, last, aside * (i - (len(lines) - 1) / 2))
    ]
    ticks = {f"{value:g}": math.log10(value) for value in budgets} | {"∞": last}
    room = 0.08 * (last - low)
    x = figures.axis("formal ε", tickvals=list(ticks.values()), ticktext=list(ticks), range=[low - room, last + room])
    y = figures.axis(
        f"{measure.name(view, group)}{f' ({unit})' if (unit := measure.said(view, group)[2]) else ''}, {measure.better}"
    )
    shapes = [figures.rule(y=0.5)] if measure is ATTACK else []
    name = "attack" if measure is ATTACK else "utility"
    return Plot(
        f"plot-epsilon-{name}-{group.id}",
        f"{measure.name(view, group)} by ε",
        traces,
        figures.layout(x, y, height=320, shapes=shapes),
    )


def _traces(view: View, group: Group, measure: Measure, line: Line, last: float, aside: float) -> Iterator[dict[str, object]]:
    """A line through the means, then one mark with its interval a method. last: where infinity stands; aside: shift along x."""
    name, drawn, methods = line
    places = [(aside + (math.log10(_formal(m)) if math.isfinite(_formal(m)) else last), m) for m in methods]
    known = [(x, m, s, s.mean) for x, m in places if (s := measure.summary(view, group, m)).mean is not None]
    if len(known) > 1:
        through = [mean for _, _, _, mean in known]
        yield figures.line(name, [x for x, _, _, _ in known], through, drawn, marks=False, width=1.5)
    for x, method, found, mean in known:
        said = cell(found, measure.say)
        hover = f"ε {epsilon(_formal(method))} {holds(method)}<br>{measure.name(view, group)} {said.text} {said.small}"
        yield figures.dot(name, x, mean, drawn, bars={"x": None, "y": found.interval}, hover=hover)


def _table(view: View, group: Group, measures: Sequence[Measure]) -> Table:
    rows = [
        Row(
            [
                Cell(method.name),
                Cell(_topology(method)),
                Cell(epsilon(_formal(method)), holds(method), sort=_formal(method)),
                *(cell(measure.summary(view, group, method), measure.say) for measure in measures),
            ]
        )
        for _, _, methods in _lines(view, group)
        for method in methods
    ]
    first, *others = heads(view, group, measures)
    columns = [first, Head("Topology", numeric=False), Head("formal ε", "↓ lower"), *others]
    return Table(f"epsilons-table-{group.id}", f"{group.title}: by formal ε, in numbers", columns, rows)
