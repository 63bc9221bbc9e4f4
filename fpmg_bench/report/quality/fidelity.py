"""Panel 6: which modality is realistic, which is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpmg_bench.calibration import mark
from fpmg_bench.report.blocks import Cell, Figure, Head, Heading, Plot, Prose, Row, Section, Table
from fpmg_bench.report.drawing import figures
from fpmg_bench.report.measures import cell, marked
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import plural

PREFIX = "sdmetrics-quality"


def panel(view: View) -> Section:
    """RG of every modality; what sdmetrics says of the tables."""
    lead = "RG in each modality's own block of the evaluation space; 1 is as close as real patients are to each other. Then the quality report of sdmetrics on tables (1 is best)."
    return Section("fidelity", "Fidelity per modality", lead, [block for group in view.groups for block in _group(view, group)])


def _group(view: View, group: Group) -> Iterator[Heading | Figure | Table | Prose]:
    yield Heading(f"fidelity-{group.id}", group.title)
    where = (group.run.suite, group.dataset)
    modalities = sorted(view.scores.modalities.get((*where, "rg"), {}))
    if modalities:
        yield _figure(view, group, modalities)
    else:
        yield Prose(["RG per modality was not measured on this cohort."])
    names = [name for name in view.scores.metrics if (name == PREFIX or name.startswith(f"{PREFIX}.")) and view.has(group, name)]
    if names:
        yield _quality(view, group, sorted(names))


def _figure(view: View, group: Group, modalities: Sequence[str]) -> Figure:
    plots = [_plot(view, group, modality, i) for i, modality in enumerate(modalities)]
    return Figure(
        f"modalities-{group.id}",
        "RG per modality",
        f"RG of every method in {plural(len(modalities), 'modality', 'modalities')} with its interval; the dotted line at 1 is real against real.",
        plots,
        _table(view, group, modalities),
    )


def _plot(view: View, group: Group, modality: str, i: int) -> Plot:
    traces, sign = [], mark("rg", modality, view.origin(group, "rg")).sign
    for method in reversed(group.methods):
        found = view.summary(group, method, "rg", modality)
        if found.mean is not None:
            said = cell(found)
            traces.append(
                figures.dot(
                    method.name,
                    found.mean,
                    method.name,
                    view.styles[method.name],
                    bars={"x": found.interval},
                    hover=f"RG{sign} {said.text} {said.small}",
                )
            )
    x, y = figures.axis(f"RG{sign}, → 1"), figures.axis("", type="category", tickfont={"size": 11})
    height = 90 + 26 * max(len(traces), 2)
    return Plot(f"rg-{i}-{group.id}", modality, traces, figures.layout(x, y, height=height, shapes=[figures.rule(x=1.0)]))


def _table(view: View, group: Group, modalities: Sequence[str]) -> Table:
    heads = [
        Head("Method", numeric=False),
        *(marked(Head(modality, "→ 1"), mark("rg", modality, view.origin(group, "rg"))) for modality in modalities),
    ]
    rows = [_row(view, group, method, modalities) for method in group.methods]
    leaks = sorted(set(group.cohort.get("leaks") or ()) & set(modalities))
    notes = [f"Contains the label by construction, so utility is measured without it: {', '.join(leaks)}."] if leaks else []
    return Table(f"modalities-table-{group.id}", f"{group.title}: RG per modality", heads, rows, notes)


def _row(view: View, group: Group, method: Method, modalities: Sequence[str]) -> Row:
    name = Cell(method.name, swatch=view.styles[method.name].swatch)
    return Row([name, *(cell(view.summary(group, method, "rg", modality)) for modality in modalities)])


def _quality(view: View, group: Group, names: Sequence[str]) -> Table:
    """One column a score and modality of the quality report."""
    columns = [
        (name, m)
        for name in names
        for m in [None, *sorted(view.scores.modalities.get((group.run.suite, group.dataset, name), {}))]
        if _any(view, group, name, m)
    ]
    heads = [
        Head("Method", numeric=False),
        *(
            marked(Head(_label(name, modality), "↑ higher"), mark(name, modality, view.origin(group, name)))
            for name, modality in columns
        ),
    ]
    rows = [
        Row(
            [
                Cell(method.name, swatch=view.styles[method.name].swatch),
                *(cell(view.summary(group, method, name, modality)) for name, modality in columns),
            ]
        )
        for method in group.methods
    ]
    return Table(f"quality-{group.id}", f"{group.title}: quality report of sdmetrics", heads, rows)


def _any(view: View, group: Group, name: str, modality: str | None) -> bool:
    where = (group.run.suite, group.dataset)
    return any(view.scores.rows(*where, method.name, name, modality) for method in group.methods)


def _label(name: str, modality: str | None) -> str:
    score = name.removeprefix(PREFIX).lstrip(".").replace("_", " ") or "quality"
    return f"{modality}: {score}" if modality else score
