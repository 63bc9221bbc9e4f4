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
    return uncommonness(evidence, cohort, release) - _of(cohort, at.rows, np.log(np.maximum(made, TINY)))


def kernel_domias(evidence: Evidence, cohort: Cohort, release: Cohort) -> Floats:
    """The same by Gaussian kernels of Scott's width, as published."""
    at, made = placed(evidence, cohort, principal=True, least=1), placed(evidence, release, principal=True).x
    found = np.empty(len(at))
    for rows, third in thirds(evidence, cohort, release):
        mine, usual = rows[at.rows], placed(evidence, third, principal=True).x
        found[mine] = kernel(at.x[mine], made, usual) - kernel(at.x[mine], usual, usual)
    return _of(cohort, at.rows, found)


def uncommonness(evidence: Evidence, cohort: Cohort, release: Cohort | None = None) -> Floats:
    """log distance to the fifth nearest patient of the third set, in phi_8: large for patients like few others."""
    sets = thirds(evidence, cohort, release)
    at = placed(evidence, cohort, principal=True, least=1)

    def away() -> Floats:
        found = np.empty(len(at))
        for rows, third in sets:
            mine = rows[at.rows]
            found[mine] = nth_nearest(at.x[mine], placed(evidence, third, principal=True).x, AROUND)
        return found

    value = evidence.once(("distance to the third set",), away, cohort)
    return _of(cohort, at.rows, np.log(np.maximum(value, TINY)))


def thirds(evidence: Evidence, cohort: Cohort, release: Cohort | None = None) -> list[tuple[NDArray[np.bool_], Cohort]]:
    """Which records [n] are compared with which third set: real patients who are neither members nor themselves asked about.

    Below 1,000 patients nobody is set aside as one; then the held-out patients of one half, R1 or R2, are that of the other half's,
    and of a training patient either, by a coin of the patient's own: so members and non-members meet both alike.
    Raises NotApplicable where that is the release itself (a floor).
    """
    if evidence.third is not None:
        return [(np.ones(len(cohort), bool), evidence.third)]
    if release is evidence.r1 or release is evidence.r2:
        raise NotApplicable("there is no third set of patients beside this half of the held-out ones")
    second = np.isin(cohort.patient, evidence.r2.patient)
    trained = np.isin(cohort.patient, evidence.train.patient)
    second[trained] = [_coin(patient) for patient in cohort.patient[trained]]
    return [(~second, evidence.r2), (second, evidence.r1)]


def _coin(patient: int) -> bool:
    """The same for all records of a patient, in every trial."""
    return bool(np.random.default_rng(int(patient) % 2**63).integers(2))


def _of(cohort: Cohort, rows: NDArray[np.intp], value: Floats) -> Floats:
    found = np.full(len(cohort), np.nan)
    found[rows] = value
    return found
