"""Panel "Sensitivity": would another space of distances rank the methods otherwise?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from fpmg_bench.report.blocks import Cell, Head, Heading, Row, Section, Table
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import number

LEAD = (
    "The same question asked in several spaces: methods in order, best (nearest to 1) first, and Kendall's tau of that order with the "
    "headline's: 1 is the same order, -1 the reverse. phi is the handmade evaluation space, phi_8 its first 8 principal components, frozen has "
    "public networks in the place of pixels; latent each method's own vectors (not comparable between encoders, and shown for that reason alone). The order is of "
    "means: methods whose intervals overlap may change places by chance."
)


@dataclass(frozen=True, slots=True)
class Question:
    """One yardstick, its headline space first: (space, score, modality)."""

    name: str
    spaces: tuple[tuple[str, str], ...]


QUESTIONS = (
    Question("RG", (("phi", "rg"), ("phi_8", "rg.phi8"), ("frozen", "frozen-space"), ("latent", "rg.latent"))),
    Question("DG", (("phi_8", "dg"), ("phi", "dg.phi"), ("frozen", "frozen-space.dg"))),
)


def panel(view: View) -> Section | None:
    """One table a cohort; nothing where no question was asked in two spaces of three methods."""
    blocks = [block for group in view.groups for block in _group(view, group)]
    return Section("sensitivity", "Sensitivity to the space", LEAD, blocks) if blocks else None


def _group(view: View, group: Group) -> Iterator[Heading | Table]:
    rows = [row for question in QUESTIONS for row in _rows(view, group, question)]
    if rows:
        heads = [Head("Yardstick", numeric=False), Head("Space", numeric=False), Head("Order", numeric=False), Head("tau")]
        heads.append(Head("What changes", numeric=False))
        yield Heading(f"sensitivity-{group.id}", group.title)
        yield Table(f"sensitivity-table-{group.id}", f"{group.title}: order of methods by space", heads, rows)


def _rows(view: View, group: Group, question: Question) -> Iterator[Row]:
    orders = {space: losses for space, score in question.spaces if len(losses := _losses(view, group, score)) > 2}
    if len(orders) < 2 or question.spaces[0][0] not in orders:
        return
    reference = orders[question.spaces[0][0]]
    for i, (space, losses) in enumerate(orders.items()):
        shared = [name for name in reference if name in losses]
        order = sorted(losses, key=lambda name: losses[name])
        yield Row(
            [
                Cell(question.name if i == 0 else ""),
                Cell(space, "headline" if i == 0 else ""),
                Cell(", ".join(order)),
                Cell("–" if i == 0 else number(tau([reference[n] for n in shared], [losses[n] for n in shared]), 2)),
                Cell("" if i == 0 else _changes(reference, losses, shared)),
            ]
        )


def _losses(view: View, group: Group, score: str) -> dict[str, float]:
    """method -> |ln mean| of a ratio; centralized training takes part, controls do not."""
    found = ((method.name, view.summary(group, method, score).mean) for method in group.ranked)
    return {name: abs(math.log(mean)) for name, mean in found if mean is not None and mean > 0}


def _changes(reference: dict[str, float], losses: dict[str, float], names: Sequence[str]) -> str:
    """Pairs that change places."""
    pairs = [(a, b) for a, b in combinations(names, 2) if (reference[a] - reference[b]) * (losses[a] - losses[b]) < 0]
    if not pairs:
        return "the order stays"
    said = "; ".join(f"{a} and {b}" for a, b in pairs[:3])
    return f"change places: {said}{f'; {len(pairs) - 3} more pairs' if len(pairs) > 3 else ''}"


def tau(a: Sequence[float], b: Sequence[float]) -> float:
    """Kendall's tau-b of two lists of losses; NaN where one of them is all ties."""
    from scipy.stats import kendalltau

    return float(kendalltau(a, b).statistic)
