"""What a black-box attacker computes for every record from the release alone, or from the release and a reference set.

Each function gives [len(cohort)], larger for whom it takes for a member, NaN for records without a place in the space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.distances import placed
from fpmg_plugins.metrics.privacy.densities import kernel, nth_nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

AROUND = 5  # neighbours in the reference set that tell how dense real patients lie
TINY = 1e-6  # of phi, where patients are about 1 apart: the distance of an exact copy


def distance(evidence: Evidence, cohort: Cohort, release: Cohort, modality: str | None = None) -> Floats:
    """Minus the distance to the closest released record, in phi or one modality's block of it."""
    at = placed(evidence, cohort, modality, least=1)
    return _of(cohort, at.rows, -evidence.nn(at.x, placed(evidence, release, modality).x))


def domias(evidence: Evidence, cohort: Cohort, release: Cohort) -> Floats:
    """log of the density of the release over that of the third set, both by nearest neighbours in phi_8 (up to a factor)."""
    at = placed(evidence, cohort, principal=True, least=1)
    made = evidence.nn(at.x, placed(evidence, release, principal=True).x)
    return uncommonness(evidence, cohort) - _of(cohort, at.rows, np.log(np.maximum(made, TINY)))


def kernel_domias(evidence: Evidence, cohort: Cohort, release: Cohort) -> Floats:
    """The same by Gaussian kernels of Scott's width, as published."""
    at, third = placed(evidence, cohort, principal=True, least=1), reference(evidence)
    made = placed(evidence, release, principal=True).x
    usual = evidence.once(("kernel of the third set",), lambda: kernel(at.x, third, third), cohort)
    return _of(cohort, at.rows, kernel(at.x, made, third) - usual)


def uncommonness(evidence: Evidence, cohort: Cohort) -> Floats:
    """log distance to the fifth nearest patient of the third set, in phi_8: large for patients like few others."""
    at, third = placed(evidence, cohort, principal=True, least=1), reference(evidence)
    away = evidence.once(("distance to the third set",), lambda: nth_nearest(at.x, third, AROUND), cohort)
    return _of(cohort, at.rows, np.log(np.maximum(away, TINY)))


def reference(evidence: Evidence) -> NDArray[np.float32]:
    """The third set in phi_8: real patients who are neither members nor non-members. Raises NotApplicable without one."""
    if evidence.third is None:
        raise NotApplicable("there is no third set of patients (cohorts from 1,000 patients have one)")
    return placed(evidence, evidence.third, principal=True).x


def _of(cohort: Cohort, rows: NDArray[np.intp], value: Floats) -> Floats:
    found = np.full(len(cohort), np.nan)
    found[rows] = value
    return found
