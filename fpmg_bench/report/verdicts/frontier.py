"""Panel 3: what utility costs in privacy and in bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fpmg_bench.report.blocks import Cell, Figure, Head, Key, Plot, Prose, Row, Section, Table
from fpmg_bench.report.drawing import figures
from fpmg_bench.report.measures import ATTACK, CO, RG, TSTR, Measure, cell, heads
from fpmg_bench.report.verdicts import epsilons
from fpmg_bench.report.verdicts.leaders import leading
from fpmg_bench.report.verdicts.pareto import axes, front
from fpmg_bench.report.view import Group, Method, View

ALT = "Utility of every method against the worst membership attack, with 95 % intervals. The leaderboard holds the same numbers."


def panel(view: View) -> Section:
    """One figure a cohort: utility against attack, utility against bytes."""
    lead = (
        "Up and to the left is better. A ringed mark is on the Pareto front: no other federated method is at least as good on every axis "
        "(utility, attack, formal ε, bytes, seconds to one digit). The front is of means; overlapping intervals say how firm it is."
    )
    return Section(
        "frontier",
        "Utility, privacy and bytes",
        lead,
        [block for group in view.groups for block in (_figure(view, group), *epsilons.figure(view, group))],
    )


def _figure(view: View, group: Group) -> Figure | Prose:
    measures = axes(view, group)
    ringed = front(view, group, measures)
    known = [m for m in measures if any(m.summary(view, group, method).mean is not None for method in group.ranked)]
    if len(known) < 2 or (TSTR not in known and RG not in known):
        return Prose([f"{group.title}: utility and another axis were not both measured, so there is no frontier."], "warn")
    plots = [_plot(view, group, measures[0], other, ringed) for other in (ATTACK, CO) if other in measures]
    return Figure(
        f"frontier-{group.id}",
        group.title,
        f"{group.title}: {measures[0].name(view, group)} of every method against attack AUC and against bytes sent. The table below holds the same numbers.",
        plots,
        _table(view, group, measures, ringed),
        [Key(m.name, view.styles[m.name].swatch) for m in group.ranked],
    )


def picture(view: View, group: Group, before: str = "") -> Plot | None:
    """Utility against attack with intervals and names beside the marks; None where not both were measured. before: what its title starts with."""
    up = leading(view, group)
    if up is None or not view.measured(group, ATTACK.metric(view, group)):
        return None
    drawn = _plot(view, group, up, ATTACK, front(view, group, axes(view, group)))
    labelled = [{**trace, "label": trace["name"]} for trace in drawn.traces]
    return Plot(f"opening-{group.id}", before + drawn.title, labelled, drawn.layout)


def _plot(view: View, group: Group, up: Measure, across: Measure, ringed: set[str]) -> Plot:
    traces = [trace for m in group.ranked if (trace := _dot(view, group, m, up, across, m.name in ringed))]
    up_name, across_name = up.name(view, group), across.name(view, group)
    x = figures.axis(f"{across_name} ({across.unit}), {across.better}" if across.unit else f"bytes sent, {across.better}")
    if across is CO:
        x |= {"type": "log", **figures.byte_ticks([s.mean for m in group.ranked if (s := CO.summary(view, group, m)).mean])}
    y = figures.axis(f"{up_name}{f' ({unit})' if (unit := up.said(view, group)[2]) else ''}, {up.better}")
    shapes = [figures.rule(x=0.5)] if across is ATTACK else []
    title = f"{up_name} against {'attack' if across is ATTACK else 'bytes'}"
    return Plot(
        f"plot-{across.names[0].replace('.', '-')}-{group.id}", title, traces, figures.layout(x, y, height=340, shapes=shapes)
    )


def _dot(view: View, group: Group, method: Method, up: Measure, across: Measure, ring: bool) -> dict[str, object] | None:
    y, x = up.summary(view, group, method), across.summary(view, group, method)
    if x.mean is None or y.mean is None or not math.isfinite(x.mean) or (across is CO and x.mean <= 0):
        return None
    said_y, said_x = cell(y, up.say), cell(x, across.say)
    hover = f"{up.name(view, group)} {said_y.text} {said_y.small}<br>{across.name(view, group)} {said_x.text} {said_x.small}"
    bars = {"x": None if across is CO else x.interval, "y": y.interval}
    return figures.dot(method.name, x.mean, y.mean, view.styles[method.name], bars=bars, ring=ring, hover=hover)


def _table(view: View, group: Group, measures: Sequence[Measure], ringed: set[str]) -> Table:
    rows = []
    for method in group.ranked:
        place = "on the front" if method.name in ringed else "reference" if method.pooled else ""
        cells = [cell(measure.summary(view, group, method), measure.say) for measure in measures]
        rows.append(
            Row(
                [
                    Cell(method.name, swatch=view.styles[method.name].swatch),
                    *cells,
                    Cell(place, tone="good" if method.name in ringed else "muted"),
                ]
            )
        )
    notes = ["Methods that send nothing are not drawn on the logarithmic axis of bytes."] if CO in measures else []
    return Table(
        f"frontier-table-{group.id}",
        f"{group.title}: the frontier in numbers",
        [*heads(view, group, measures), Head("Pareto", numeric=False)],
        rows,
        notes,
    )
