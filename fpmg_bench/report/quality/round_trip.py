"""Panel 7: what encoding and decoding lose, before any generator. Only where it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpmg_bench.report.blocks import Cell, Head, Heading, Row, Section, Table
from fpmg_bench.report.measures import cell
from fpmg_bench.report.view import Group, Method, View

PREFIX = "reconstruction"
# score, its name, its direction; a rival is what the score before it has to beat
SCORES = (
    ("label_kept", "label kept", "→ 1"),
    ("ssim", "SSIM", "↑ higher"),
    ("ssim_pca", "SSIM of PCA", "rival"),
    ("sharpness", "sharpness", "→ 1"),
    ("rmse", "RMSE", "↓ lower"),
    ("rmse_locf", "RMSE of last value", "rival"),
    ("rmse_pca", "RMSE of PCA", "rival"),
    ("gaps", "gaps right", "↑ higher"),
    ("shapes", "column shapes", "↑ higher"),
    ("invalid", "invalid cells", "→ 0"),
    ("finding_f1", "finding F1", "↑ higher"),
    ("finding_f1_commonest", "F1 of commonest words", "rival"),
    ("well_formed", "well-formed", "→ 1"),
    ("auroc", "AUROC decoded", "↑ higher"),
    ("membership", "members recognised", "→ .5"),
)


def panel(view: View) -> Section | None:
    """One table a cohort and modality, or nothing where no suite asked for it."""
    blocks = [block for group in view.groups for block in _group(view, group)]
    if not blocks:
        return None
    lead = (
        "Held-out patients encoded and decoded by each silo's own encoder, against themselves: no generator is involved. PCA has as "
        "many components as the vectors have numbers. Label kept: a classifier of real patients reads the decoded ones."
    )
    return Section("round-trip", "Round trip", lead, blocks)


def _group(view: View, group: Group) -> Iterator[Heading | Table]:
    modalities = _modalities(view, group)
    if modalities:
        yield Heading(f"round-trip-{group.id}", group.title)
    for modality in modalities:
        yield _table(view, group, modality)


def _modalities(view: View, group: Group) -> list[str]:
    where = (group.run.suite, group.dataset)
    found = {m for score, _, _ in SCORES for m in view.scores.modalities.get((*where, f"{PREFIX}.{score}"), {})}
    return sorted(m for m in found if m)


def _table(view: View, group: Group, modality: str) -> Table:
    shown = [entry for entry in SCORES if _measured(view, group, modality, entry[0])]
    heads = [Head("Method", numeric=False), *(Head(name, better) for _, name, better in shown)]
    methods = [m for m in group.methods if any(_measured(view, group, modality, score, (m,)) for score, _, _ in shown)]
    rows = [
        Row(
            [
                Cell(method.name, swatch=view.styles[method.name].swatch),
                *(cell(view.summary(group, method, f"{PREFIX}.{score}", modality)) for score, _, _ in shown),
            ]
        )
        for method in methods
    ]
    return Table(f"round-trip-{modality}-{group.id}", f"{group.title}: {modality}", heads, rows)


def _measured(view: View, group: Group, modality: str, score: str, methods: Sequence[Method] = ()) -> bool:
    chosen = methods or group.methods
    return any(view.summary(group, method, f"{PREFIX}.{score}", modality).mean is not None for method in chosen)
