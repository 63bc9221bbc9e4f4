"""Panel "What is lost where": drawn vectors beside encoded held-out patients. Only where it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpmg_bench.calibration import mark
from fpmg_bench.report.blocks import Cell, Head, Heading, Row, Section, Table
from fpmg_bench.report.measures import cell, marked
from fpmg_bench.report.quality import losses
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import number
from fpmg_bench.types import OWN_SPACE

SCORES = (
    ("latent.energy", "energy", "→ 0"),
    ("latent.energy.within_label", "within label", "→ 0"),
    ("latent.c2st", "C2ST", "→ 0.5"),
    ("latent.coverage", "coverage", "↑ higher"),
    ("c2st.generator", "C2ST, both decoded", "→ 0.5"),
    ("c2st", "C2ST, decoded against real", "→ 0.5"),
)
LEAD = (
    "What a generator draws against held-out patients as the same silo's encoders see them: what a decoder adds is left out. One table for "
    f"each set of encoders, since these scores are taken in a method's own vectors: {OWN_SPACE}, so rows of different tables say nothing "
    "of each other. C2ST: with held-out patients decoded too what is left is the generator's; against real ones the decoders' tell-tale is added."
)


def panel(view: View) -> Section | None:
    """One table a cohort and set of encoders, or nothing where no suite asked for it."""
    blocks = [block for group in view.groups for block in _group(view, group)]
    return Section("latent", "What is lost where", LEAD, blocks) if blocks else None


def _group(view: View, group: Group) -> Iterator[Heading | Table]:
    sharing: dict[str, list[Method]] = {}
    for method in group.methods:
        if any(view.summary(group, method, key).mean is not None for key, _, _ in SCORES[:-1]):
            sharing.setdefault(losses.encoders_of(group, method), []).append(method)
    if sharing:
        yield Heading(f"latent-{group.id}", group.title)
        shown = [method for methods in sharing.values() for method in methods]
        alone = [method for method in group.decoded if method not in shown]
        yield losses.table(view, group, [*shown, *alone], f"lost-{group.id}")
    for i, methods in enumerate(sharing.values()):
        yield _table(view, group, methods, f"latent-{i}-{group.id}")


def _table(view: View, group: Group, methods: Sequence[Method], id: str) -> Table:
    shown = [score for score in SCORES if any(view.summary(group, m, score[0]).mean is not None for m in methods)]
    heads = [Head("Method", numeric=False)]
    heads += [marked(Head(name, better), mark(key, origin=view.origin(group, key))) for key, name, better in shown]
    floors = [_floor(view, group, methods, key) for key, _, _ in shown]
    rows = [Row([Cell("floor (real)", "training patients, encoded", tone="muted"), *floors], True)]
    for method in methods:
        name = Cell(method.name, "control" if method.role == "control" else "", swatch=view.styles[method.name].swatch)
        rows.append(Row([name, *(cell(view.summary(group, method, key)) for key, _, _ in shown)]))
    return Table(id, f"{group.title}: encoders of {methods[0].name}", heads, rows)


def _floor(view: View, group: Group, methods: Sequence[Method], key: str) -> Cell:
    """Of these encoders alone: the mean over the methods that share them."""
    floors = [floor for method in methods if (floor := view.summary(group, method, key).floor) is not None]
    return Cell(number(sum(floors) / len(floors)) if floors else "", tone="muted")
