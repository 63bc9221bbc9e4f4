"""What rg, dg and pg share: points of the evaluation space, and ratios of mean nearest-neighbour distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score
from fpmg_plugins.metrics.real_side import drawn
from fpmg_plugins.metrics.resampling import interval, mean_draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Points = NDArray[np.float32]

LEAST = 10  # points a cohort must have before a mean nearest-neighbour distance is printed


@dataclass(frozen=True, slots=True)
class Placed:
    """Records that have a place in the space: x [n, d], rows [n] their positions in the cohort, patient [n]."""

    x: Points
    rows: NDArray[np.intp]
    patient: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x)


def placed(
    evidence: Evidence, cohort: Cohort, modality: str | None = None, *, principal: bool = False, least: int = LEAST
) -> Placed:
    """The cohort's points in phi (`modality`: one block; `principal`: phi_8). Raises NotApplicable below `least` records."""
    rows = np.flatnonzero(evidence.complete(cohort, modality))
    if len(rows) < least:
        what = f"the modality {modality!r}" if modality else "all modalities"
        raise NotApplicable(f"{len(rows)} of {len(cohort)} records have {what}; {least} are needed")
    x = evidence.phi8(cohort) if principal else evidence.phi(cohort, modality)
    return Placed(np.ascontiguousarray(x[rows]), rows, cohort.patient[rows])


def some(n: int, size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """`size` of n positions drawn without replacement, ascending; all of them if there are no more."""
    return np.arange(n) if size >= n else np.sort(rng.permutation(n)[:size])


def real_distance(evidence: Evidence, sources: Points, targets: Points) -> NDArray[np.float32]:
    """nn(R2 -> R1), the denominator. Raises NotApplicable where real patients cannot be told apart."""
    distance = evidence.nn(sources, targets)
    if not float(distance.mean()) > 0:
        raise NotApplicable("the distance to compare with is zero: these records are all alike (constant columns)")
    return distance


def mean_distance(
    evidence: Evidence, sources: Points, targets: Points, size: int, draws: int, rng: np.random.Generator
) -> Points:
    """Distance of each source to its nearest target [n], averaged over `draws` draws of `size` targets."""
    if size >= len(targets):
        return evidence.nn(sources, targets)
    total = sum(evidence.nn(sources, targets[some(len(targets), size, rng)]).astype(np.float64) for _ in range(draws))
    return np.asarray(total / draws, np.float32)


def ratio(
    evidence: Evidence,
    key: str,
    above: tuple[NDArray[Any], NDArray[np.int64]],
    below: tuple[NDArray[Any], NDArray[np.int64]],
    draws: int,
    seed: int,
    n: int,
) -> Score:
    """The score mean(above) / mean(below) with its bootstrap interval; each is (distances, whose patients they are).

    The patients of both are drawn independently.
    Where both are distances of the same patients to two targets this is too wide rather than too narrow: it stands in for
    the choice of the targets, which drawing sources alone would leave out.
    """
    weights = drawn(evidence, (above[1], below[1]), draws, seed)
    low, high = interval(mean_draws(above[0], weights[0]) / mean_draws(below[0], weights[1]))
    return Score(key, float(above[0].mean(dtype=np.float64) / below[0].mean(dtype=np.float64)), low=low, high=high, n=n)
