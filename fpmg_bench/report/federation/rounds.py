"""Panel 4: do the silos agree, round after round, and do their losses settle?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fpmg_bench.report.blocks import Cell, Figure, Head, Heading, Key, Plot, Prose, Row, Section, Table
from fpmg_bench.report.drawing import figures
from fpmg_bench.report.drawing.palette import style
from fpmg_bench.report.federation import consistency
from fpmg_bench.report.federation.traces import Trace, loss_names, loss_of, mean_loss, silo_names, silos, stages, theory, trace
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import number, plural, slug

STAGE2 = "stage2"
ROUNDING = 1e-12  # of sums in double precision, far below any distance that training makes
SHOWN = 8  # silos and methods drawn with their own line; the table has all


def panel(view: View) -> Section:
    """Consensus distance with its theory line, then losses, for every cohort."""
    lead = (
        "Means over seeds. Consensus distance is measured in weight units before and after merging; the dotted line is the distance before "
        "merging times the second modulus of the plan's mixing matrix, which linear merging must meet. A relay ring and a star end at 0."
    )
    return Section("rounds", "Rounds", lead, [block for group in view.groups for block in _group(view, group)])


def _group(view: View, group: Group) -> Iterator[Heading | Figure | Prose | Table]:
    yield Heading(f"rounds-{group.id}", group.title)
    names = stages(group)
    if not names:
        yield Prose(["No round was recorded on this cohort: its methods learn by statistics alone, or none got that far."])
        return
    if STAGE2 in names:
        yield from _consensus(view, group, STAGE2, "Consensus distance, generator (stage 2)")
    yield from consistency.tables(view, group)
    if STAGE2 in names:
        yield from _losses(view, group)
    encoders = [name for name in names if name != STAGE2]
    if encoders:
        yield _stage1(view, group, encoders)


def _consensus(view: View, group: Group, stage: str, title: str) -> Iterator[Figure]:
    drawn = [m for m in group.trained if trace(m, stage, "before").known and not m.pooled]
    if not drawn:
        return
    before = [figures.line(m.name, *_xy(trace(m, stage, "before")), view.styles[m.name]) for m in drawn]
    after = [figures.line(m.name, *_xy(trace(m, stage, "after")), view.styles[m.name]) for m in drawn]
    for m in drawn:
        predicted = trace(m, stage, theory)
        if predicted.known:
            after.append(
                figures.line(m.name, *_xy(predicted), view.styles[m.name], dash="dot", marks=False, width=3.5, opacity=0.55)
            )
    x, y = _rounds(before), figures.axis("consensus distance Ξ", rangemode="tozero")
    plots = [
        Plot(f"before-{group.id}", "Before merging: drift of local training", before, figures.layout(x, y)),
        Plot(f"after-{group.id}", "After merging (dotted: theory)", after, figures.layout(x, y)),
    ]
    yield Figure(
        f"consensus-{group.id}",
        title,
        f"Consensus distance by round for {plural(len(drawn), 'method')}, before and after merging, with the predicted distance.",
        plots,
        _consensus_table(group, drawn, stage),
        _keys(view, drawn),
    )


def _rounds(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The axis of rounds for these lines."""
    return figures.axis("round", **figures.whole([x for line in lines for x in line["x"]]))


def _xy(found: Trace) -> tuple[Sequence[int], Sequence[float | None]]:
    """What is left of 0 after rounding is drawn as 0."""
    return found.rounds, [0.0 if v is not None and abs(v) < ROUNDING else v for v in found.values]


def _keys(view: View, methods: Sequence[Method]) -> list[Key]:
    return [Key(m.name, view.styles[m.name].swatch) for m in methods]


def _consensus_table(group: Group, drawn: Sequence[Method], stage: str) -> Table:
    heads = [
        Head("Method", numeric=False),
        Head("rounds"),
        Head("before", unit="first round"),
        Head("after", unit="first round"),
        Head("theory", unit="first round"),
        Head("before", unit="last round"),
        Head("after", unit="last round"),
        Head("theory", unit="last round"),
        Head("relative", unit="last round"),
        Head("variance ratio", unit="last round"),
    ]
    rows = []
    for m in drawn:
        lines = [trace(m, stage, pick) for pick in ("before", "after", theory)]
        ends = [_end(line, at) for at in (0, -1) for line in lines]
        rest = [_end(trace(m, stage, pick), -1) for pick in ("relative", "variance_ratio")]
        rows.append(Row([Cell(m.name), _count(lines[0]), *ends, *rest]))
    return Table(f"consensus-table-{group.id}", f"{group.title}: consensus distance of the first and last round", heads, rows)


def _count(found: Trace) -> Cell:
    return Cell(str(found.rounds[-1]), sort=found.rounds[-1])


def _end(found: Trace, at: int) -> Cell:
    value = found.known[at] if found.known else None
    return Cell(number(value), sort=value, tone="muted" if value is None else "")


def _losses(view: View, group: Group) -> Iterator[Figure]:
    """One plot a method: its main loss, one line a silo."""
    drawn = [m for m in group.trained if loss_names([m], STAGE2)]
    if not drawn:
        return
    names = silo_names(next((m for m in drawn if not m.pooled), drawn[0]))
    order = list(dict.fromkeys(silo for m in drawn if not m.pooled for silo in silos(m, STAGE2)))[:SHOWN]
    plots = [_loss_plot(group, m, order) for m in drawn]
    keys = [Key(names.get(silo, silo), style(i).swatch) for i, silo in enumerate(order)]
    yield Figure(
        f"losses-{group.id}",
        "Losses per silo, generator (stage 2)",
        f"Loss of the generator by round, one plot for each of {plural(len(drawn), 'method')}, one line for each silo.",
        plots,
        _loss_table(group, drawn),
        keys,
        note="Private steps print no loss on real rows. Each plot shows the first loss of its learner; the table has them all.",
    )


def _loss_plot(group: Group, method: Method, order: Sequence[str]) -> Plot:
    first = loss_names([method], STAGE2)[0]
    mine = silos(method, STAGE2)[:SHOWN]
    lines = [
        figures.line(
            silo_names(method).get(silo, silo),
            *_xy(trace(method, STAGE2, loss_of(silo, first))),
            style(order.index(silo) if silo in order else 0),
            marks=False,
        )
        for silo in mine
    ]
    return Plot(
        f"loss-{group.id}-{slug(method.name)}",
        f"{method.name}: {first}",
        lines,
        figures.layout(_rounds(lines), figures.axis("loss"), height=220),
    )


def _loss_table(group: Group, drawn: Sequence[Method]) -> Table:
    heads = [
        Head("Method", numeric=False),
        Head("Silo", numeric=False),
        Head("Loss", numeric=False),
        Head("first round"),
        Head("last round"),
    ]
    rows = []
    for m in drawn:
        for silo in silos(m, STAGE2):
            for name in loss_names([m], STAGE2):
                found = trace(m, STAGE2, loss_of(silo, name))
                if found.known:
                    rows.append(
                        Row([Cell(m.name), Cell(silo_names(m).get(silo, silo)), Cell(name), _end(found, 0), _end(found, -1)])
                    )
    return Table(f"losses-table-{group.id}", f"{group.title}: losses of the first and last round", heads, rows)


def _stage1(view: View, group: Group, encoders: Sequence[str]) -> Figure:
    """One plot a modality: the encoder's loss, mean over silos, one line a method."""
    plots, rows = [], []
    for stage in encoders:
        drawn = [m for m in group.trained if loss_names([m], stage)]
        if not drawn:
            continue
        name = loss_names(drawn, stage)[0]
        found = {m.name: trace(m, stage, mean_loss(name)) for m in drawn}
        rows += [
            Row([Cell(method), Cell(_modality(stage)), Cell(name), _end(line, 0), _end(line, -1)])
            for method, line in found.items()
        ]
        lines = [figures.line(method, *_xy(line), view.styles[method]) for method, line in found.items()]
        plots.append(
            Plot(
                f"{slug(stage)}-{group.id}",
                f"{_modality(stage)}: {name}",
                lines,
                figures.layout(_rounds(lines), figures.axis("loss"), height=220),
            )
        )
    heads = [
        Head("Method", numeric=False),
        Head("Modality", numeric=False),
        Head("Loss", numeric=False),
        Head("first round"),
        Head("last round"),
    ]
    table = Table(f"encoders-table-{group.id}", f"{group.title}: encoder losses of the first and last round", heads, rows)
    return Figure(
        f"encoders-{group.id}",
        "Losses of the encoders (stage 1)",
        "Mean loss over silos by round, one plot a modality, one line a method.",
        plots,
        table,
        _keys(view, [m for m in group.trained if any(loss_names([m], s) for s in encoders)]),
        note="Methods with the same stage 1 share it: its rounds are drawn where they were run.",
    )


def _modality(stage: str) -> str:
    return stage.partition(":")[2] or stage
