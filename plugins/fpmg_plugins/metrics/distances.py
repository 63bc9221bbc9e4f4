"""What rg, dg and pg share: points of the evaluation space, and ratios of mean nearest-neighbour distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
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


def placed(evidence: Evidence, cohort: Cohort, modality: str | None = None, *, principal: bool = False, least: int = LEAST) -> Placed:
    """The cohort's points in phi (`modality`: one block; `principal`: phi_8). Raises NotApplicable below `least` records."""
    rows = np.flatnonzero(evidence.complete(cohort, modality))
    if len(rows) < least:
        what = f"the modality {modality!r}" if modality else "all modalities"
        raise NotApplicable(f"{len(rows)} of {len(cohort)} records have {what}; {least} are needed")
    x = evidence.phi8(cohort) if principal else evidence.phi(cohort, modality)
    return Placed(np.ascontiguousarray(x[rows]), rows, cohort.patient[rows])


def some(x: Points, size: int, rng: np.random.Generator) -> Points:
    """`size` rows drawn without replacement, in their own order; all of them if there are no more."""
    return x if size >= len(x) else x[np.sort(rng.permutation(len(x))[:size])]


def real_distance(evidence: Evidence, sources: Points, targets: Points) -> NDArray[np.float32]:
    """nn(R2 -> R1), the denominator. Raises NotApplicable where real patients cannot be told apart."""
    distance = evidence.nn(sources, targets)
    if not float(distance.mean()) > 0:
        raise NotApplicable("held-out patients are all alike here (constant columns): there is no distance to compare with")
    return distance


def mean_distance(evidence: Evidence, sources: Points, targets: Points, size: int, draws: int, rng: np.random.Generator) -> Points:
    """Distance of each source to its nearest target [n], averaged over `draws` draws of `size` targets."""
    if size >= len(targets):
        return evidence.nn(sources, targets)
    total = sum(evidence.nn(sources, some(targets, size, rng)).astype(np.float64) for _ in range(draws))
    return np.asarray(total / draws, np.float32)


def ratio_interval(
    above: NDArray[Any], above_patient: NDArray[np.int64], below: NDArray[Any], below_patient: NDArray[np.int64], draws: int, seed: int
) -> dict[str, float | None]:
    """`low` and `high` of mean(above) / mean(below), the patients of both drawn independently.

    Where both are distances of the same patients to two targets this is too wide rather than too narrow: it stands in for
    the choice of the targets, which drawing sources alone would leave out.
    """
    rng = np.random.default_rng(seed)
    low, high = interval(mean_draws(above, above_patient, draws, rng) / mean_draws(below, below_patient, draws, rng))
    return {"low": low, "high": high}
