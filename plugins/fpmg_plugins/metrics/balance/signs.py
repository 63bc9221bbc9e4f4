"""Readers of two diseases that do not meet: what a classifier of real patients calls positive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score
from fpmg_plugins.metrics.learners import fit, probability
from fpmg_plugins.metrics.utility_models import rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

LEAST = 10  # held-out patients with a disease alone, and without it
SPECIFICITY = 0.9
EXPECTED = 5.0  # training patients who would have both by chance, below which that nobody has says nothing


@dataclass(frozen=True, slots=True)
class Readers:
    """models, limits, single: of both diseases; single: sensitivity among held-out patients who have it alone.

    floor: what `cooccurrence` is for held-out patients with both; None where there are too few.
    """

    pair: tuple[int, int]
    models: tuple[Any, ...]
    limits: tuple[float, ...]
    single: tuple[float, ...]
    floor: float | None

    @classmethod
    def of(cls, evidence: Evidence, names: tuple[str, ...], pair: tuple[int, int]) -> Self:
        """Trained on T; thresholds and sensitivities of H."""
        models: list[Any] = []
        limits, single, both = list[float](), list[float](), list[float]()
        rows, x, _ = rows_of(evidence, evidence.held_out, names)
        flags = np.nan_to_num(evidence.held_out.condition[rows][:, list(pair)])
        for i, j in enumerate(pair):
            models.append(_reader(evidence, names, j, pair[1 - i]))
            said = probability(models[i], x, 2)[:, 1]
            lacks, alone, together = flags[:, i] == 0, flags[:, i] > flags[:, 1 - i], flags.all(1)
            if min(lacks.sum(), alone.sum()) < LEAST:
                name = evidence.train.conditions[j].name
                raise NotApplicable(f"{int(alone.sum())} held-out patients have {name} alone; {LEAST} are needed")
            limits.append(float(np.quantile(said[lacks], SPECIFICITY)))
            single.append(float((said[alone] > limits[i]).mean()))
            both.append(float((said[together] > limits[i]).mean()) if together.sum() >= LEAST else np.nan)
        kept = [min(1.0, b / max(s, 1e-9)) for b, s in zip(both, single, strict=True)]
        return cls(pair, tuple(models), tuple(limits), tuple(single), min(kept) if np.isfinite(kept).all() else None)

    def positive(self, i: int, x: Floats) -> NDArray[np.bool_]:
        """Who among the records with features x [n, f] has the signs of the i-th disease."""
        return np.asarray(probability(self.models[i], x, 2)[:, 1] > self.limits[i])


def _reader(evidence: Evidence, names: tuple[str, ...], j: int, other: int) -> Any:
    """Of those without the other disease: where two never meet, a reader of everybody would take the signs of one against the other."""
    rows, x, _ = rows_of(evidence, evidence.train, names)
    value, beside = evidence.train.condition[rows][:, [j, other]].T
    known = np.isfinite(value) & ~(beside > 0.5)
    return fit("logistic", x[known], (value[known] > 0.5).astype(np.int64))


def pair_of(train: Cohort, names: Sequence[str]) -> tuple[int, int]:
    """Positions of two flags: those named, else the two that meet least beside chance, never or hardly. NotApplicable where none do."""
    flags = {column.name: j for j, column in enumerate(train.conditions) if column.type == "flag"}
    if names:
        odd = [name for name in names if name not in flags]
        if odd or len(set(names)) != 2:
            raise NotApplicable(
                f"two flags among the conditions are needed, not {', '.join(names)}; there are {', '.join(flags) or 'none'}"
            )
        return flags[names[0]], flags[names[1]]
    said = {j: np.nan_to_num(train.condition[:, j]) > 0.5 for j in flags.values()}
    expected = {(a, b): float(said[a].sum() * said[b].sum() / max(len(train), 1)) for a, b in combinations(said, 2)}
    apart = [(a, b) for a, b in expected if not (said[a] & said[b]).any() and expected[a, b] >= EXPECTED]
    if not apart:
        raise NotApplicable("no two flags among the conditions are kept apart in training: there is nothing to put together")
    return max(apart, key=lambda both: expected[both])


def share(key: str, said: NDArray[np.bool_], scope: str, floor: float) -> Score:
    """The share of records called positive, with its interval (Wald)."""
    value = float(said.mean())
    half = 1.96 * float(np.sqrt(value * (1 - value) / max(len(said), 1)))
    return Score(key, value, scope, low=max(0.0, value - half), high=min(1.0, value + half), n=len(said), floor=floor)
