"""Modality skew: some silos lack a modality, so its data of their patients is withheld from training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import SuiteError
from fpmg_bench.partition.draws import rng_of
from fpmg_bench.partition.options import ATTEMPTS, least_patients
from fpmg_bench.partition.spread import partition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

    Masks = dict[str, NDArray[np.bool_]]


def withheld(cohort: Cohort, spec: Mapping[str, Any], seed: int) -> Masks:
    """modality -> the records [n] whose data of it is withheld; {} for every partition but a modality skew (or that, pooled).

    Of all pairs of a silo and a modality that it has, a share `lack` (to the nearest number) is taken away, in a random order that
    leaves every modality a holder, every silo a modality, and data to `min_patients` of its patients (2, or all that it has).
    SuiteError where that cannot be.
    """
    if spec["kind"] == "pooled":
        return withheld(cohort, spec["of"], seed) if "of" in spec else {}
    if spec["kind"] != "modality":
        return {}
    silo = partition(cohort, spec, seed)[0]
    has = _holdings(cohort, silo)
    take = round(float(spec["lack"]) * int(has.sum()))
    for attempt in range(ATTEMPTS):
        left = _thinned(has, take, rng_of(seed, "modality", attempt))
        if left is not None:
            lost = {m: mask & ~left[silo, index] for index, (m, mask) in enumerate(sorted(cohort.present.items()))}
            if _enough(cohort, silo, lost, least_patients(spec)):
                return {m: mask for m, mask in lost.items() if mask.any()}
    raise SuiteError(
        f"no draw in {ATTEMPTS} takes {take} of {int(has.sum())} modalities of silos away and leaves every modality a holder and "
        f"every silo {least_patients(spec)} patients with data",
        "a smaller lack, or another partition to take them from",
    )


def most_absences(silos: int, modalities: int) -> int:
    """How many pairs can be taken away where every silo has every modality."""
    return silos * modalities - max(silos, modalities)


def _holdings(cohort: Cohort, silo: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each silo has any record of each modality [silos, modalities], modalities by name: their order differs by method."""
    import numpy as np

    has = np.zeros((int(silo.max()) + 1, len(cohort.present)), dtype=bool)
    for index, (_, mask) in enumerate(sorted(cohort.present.items())):
        has[np.unique(silo[mask]), index] = True
    return has


def _thinned(has: NDArray[np.bool_], take: int, rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """`take` pairs fewer, one after the other in a random order, none of them a silo's or a modality's last; None: a dead end."""
    import numpy as np

    left = has.copy()
    for silo, modality in rng.permutation(np.argwhere(has)):
        if take and left[silo].sum() > 1 and left[:, modality].sum() > 1:
            left[silo, modality] = False
            take -= 1
    return None if take else left


def _enough(cohort: Cohort, silo: NDArray[np.int64], lost: Masks, least: int) -> bool:
    """Does every silo keep data of `least` of its patients, or of all where it has fewer?"""
    import numpy as np

    kept = np.any([mask & ~lost[m] for m, mask in cohort.present.items()], axis=0)
    for index in np.unique(silo):
        here = silo == index
        patients = len(np.unique(cohort.patient[here]))
        if len(np.unique(cohort.patient[here & kept])) < min(least, patients):
            return False
    return True
