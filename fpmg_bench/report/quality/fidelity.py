"""Panel 6: which modality is realistic, which is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpmg_bench.calibration import mark
from fpmg_bench.report.blocks import Cell, Figure, Head, Heading, Plot, Prose, Row, Section, Table
from fpmg_bench.report.drawing import figures
from fpmg_bench.report.measures import cell, marked
from fpmg_bench.report.quality.sight import Column, columns
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import plural

PREFIX = "sdmetrics-quality"


def panel(view: View) -> Section:
    """RG of every modality, never without the score that sees unusable ones; what sdmetrics says of the tables."""
    lead = (
        "RG in each modality's own block of the evaluation space; 1 is as close as real patients are to each other. RG is blind to pictures of noise "
        "and texts of question marks (they may score better than real ones), so beside it stands what sees them, with what real patients score. "
        "Pictures: distance of their spectra in decibels, and coherence, the share of real pictures' agreement between coarse and fine structure (0: grain). "
        "Texts: legibility, perplexity under a model of real texts over that of real texts, and the share of distinct ones. Tables: share of patients with "
        "values that real patients never have together. Series: the factor by which changes from step to step are off. Both: gaps, how far what is missing, "
        "and missing together, is off. Then the quality report of sdmetrics on tables (1 is best)."
    )
    return Section("fidelity", "Fidelity per modality", lead, [block for group in view.groups for block in _group(view, group)])


def _group(view: View, group: Group) -> Iterator[Heading | Figure | Table | Prose]:
    yield Heading(f"fidelity-{group.id}", group.title)
    where = (group.run.suite, group.dataset)
    modalities = sorted(view.scores.modalities.get((*where, "rg"), {}))
    if modalities:
        yield _figure(view, group, columns(group, modalities))
    else:
        yield Prose(["RG per modality was not measured on this cohort."])
    names = [name for name in view.scores.metrics if (name == PREFIX or name.startswith(f"{PREFIX}.")) and view.has(group, name)]
    if names:
        yield _quality(view, group, sorted(names))


def _figure(view: View, group: Group, shown: Sequence[Column]) -> Figure:
    modalities = len({column.modality for column in shown})
    plots = [_plot(view, group, column, i) for i, column in enumerate(shown) if column.drawn and column.measured(view, group)]
    return Figure(
        f"modalities-{group.id}",
        "RG per modality, and what RG does not see",
        f"RG of every method in {plural(modalities, 'modality', 'modalities')} with its interval, and beside it the score that sees unusable records, "
        "where the run measured it; the dotted line is real against real.",
        plots,
        _table(view, group, shown),
    )


def _plot(view: View, group: Group, column: Column, i: int) -> Plot:
    traces, label = [], column.label + column.verdict(view, group).sign
    for method in reversed(group.methods):
        found = view.summary(group, method, column.score, column.modality)
        if found.mean is not None:
            said = cell(found)
            traces.append(
                figures.dot(
                    method.name,
                    found.mean,
                    method.name,
                    view.styles[method.name],
                    bars={"x": found.interval},
                    hover=f"{label} {said.text} {said.small}",
                )
            )
    x, y = figures.axis(f"{label}, {column.better}"), figures.axis("", type="category")
    height, at = 90 + 26 * max(len(traces), 2), column.rule(view, group)
    drawn = figures.layout(x, y, height=height, shapes=[] if at is None else [figures.rule(x=at)])
    return Plot(f"rg-{i}-{group.id}", f"{column.modality}: {column.label}", traces, drawn)


def _table(view: View, group: Group, shown: Sequence[Column]) -> Table:
    heads = [Head("Method", numeric=False), *(column.head(view, group) for column in shown)]
    rows = [
        Row([Cell(m.name, swatch=view.styles[m.name].swatch), *(column.cell(view, group, m) for column in shown)])
        for m in group.methods
    ]
    return Table(f"modalities-table-{group.id}", f"{group.title}: RG per modality", heads, rows, list(_notes(view, group, shown)))


def _notes(view: View, group: Group, shown: Sequence[Column]) -> Iterator[str]:
    unseen = dict.fromkeys(column.modality for column in shown if column.best is None and not column.requested(view, group))
    if unseen:
        yield (
            f"RG alone does not tell whether these are usable, and the run did not measure what would: {', '.join(unseen)}. "
            "Ask for the metrics spectra, legibility, possible, missingness and step-change."
        )
    leaks = sorted(set(group.cohort.get("leaks") or ()) & {column.modality for column in shown})
    if leaks:
        yield f"Contains the label by construction, so utility is measured without it: {', '.join(leaks)}."


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
