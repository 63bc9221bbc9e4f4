"""Where training patients are: natural sites, iid, Dirichlet label skew, quantity skew, feature skew, or all in one silo.

Always by patient: the records of one patient are never in two silos.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.document.words import plural
from fpmg_bench.errors import SuiteError
from fpmg_bench.partition.draws import rng_of
from fpmg_bench.partition.options import ATTEMPTS, least_patients, spreading
from fpmg_bench.partition.ordered import by_feature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

    Assignment = NDArray[np.int64]


def partition(cohort: Cohort, spec: Mapping[str, Any], seed: int) -> tuple[Assignment, tuple[str, ...]]:
    """(silo index of every record [n], names of the silos).

    spec: {"kind": "natural", "min_patients", "silos"}: the cohort's own sites; those with fewer patients than min_patients, and
    the smallest beyond `silos`, merge into "other" · {"kind": "iid", "silos"} · {"kind": "dirichlet", "alpha", "silos",
    "min_patients"}: each label's patients spread with shares from Dirichlet(alpha) (Hsu, Qi and Brown, 2019), drawn again until
    every silo has min_patients · {"kind": "quantity", "beta", "silos", "min_patients"}: sizes from Dirichlet(beta), labels as they
    come (Li et al., 2022) · {"kind": "feature", "strength", "silos", "by"}: `ordered.by_feature` · {"kind": "modality", "of"}: as
    what it is made of, `modality.withheld` says what silos lack · {"kind": "pooled"}. Raises SuiteError where that cannot be.
    """
    import numpy as np

    if spec["kind"] == "pooled":
        return np.zeros(len(cohort), dtype=np.int64), ("pooled",)
    spec = spreading(spec)
    if spec["kind"] == "natural":
        return _natural(cohort, spec)
    patients, first, inverse = np.unique(cohort.patient, return_index=True, return_inverse=True)
    silos, least = int(spec["silos"]), least_patients(spec)
    if silos * least > len(patients):
        each = f" of at least {least} patients" if least > 1 else ""
        raise SuiteError(
            f"{plural(len(patients), 'training patient')} cannot fill {plural(silos, 'silo')}{each}",
            "fewer silos, or a larger cohort",
        )
    if spec["kind"] == "iid":
        of_patient = rng_of(seed, "iid").permutation(len(patients)) % silos
    elif spec["kind"] == "quantity":
        of_patient = _quantity(len(patients), float(spec["beta"]), silos, least, seed)
    elif spec["kind"] == "feature":
        of_patient = by_feature(cohort, spec, silos, seed)
    else:
        of_patient = _dirichlet(cohort.label[first], float(spec["alpha"]), silos, least, seed)
    return of_patient[inverse].astype(np.int64), tuple(f"silo-{index}" for index in range(silos))


def merged_sites(patients: Mapping[str, int], spec: Mapping[str, Any]) -> dict[str, str]:
    """site -> silo of a natural partition, given the patients of every site; sites without patients are left out.

    Sites below `min_patients` and the smallest beyond `silos` become "other", which counts as one of the silos.
    """
    sizes = {site: count for site, count in patients.items() if count > 0}
    small = {site for site, count in sizes.items() if count < int(spec.get("min_patients", 1))}
    most = int(spec.get("silos", len(sizes)))
    by_size = sorted(sizes, key=lambda site: (-sizes[site], site))
    kept = [site for site in by_size if site not in small]
    if len(kept) + bool(small) > most:
        kept = kept[: most - 1]
    return {site: site if site in kept else "other" for site in sizes}


def _natural(cohort: Cohort, spec: Mapping[str, Any]) -> tuple[Assignment, tuple[str, ...]]:
    import numpy as np

    if not cohort.silo_names:
        raise SuiteError("the cohort has no natural silos", "partition: {kind: dirichlet, alpha: 0.5, silos: 5}, or iid")
    home = _homes(cohort)
    _, first = np.unique(cohort.patient, return_index=True)
    count = np.bincount(home[first], minlength=len(cohort.silo_names))
    merged = merged_sites({name: int(n) for name, n in zip(cohort.silo_names, count, strict=True)}, spec)
    names = tuple(dict.fromkeys([silo for silo in merged.values() if silo != "other"] + list(merged.values())))
    index = np.array([names.index(merged[site]) if site in merged else -1 for site in cohort.silo_names], dtype=np.int64)
    return index[home], names


def _homes(cohort: Cohort) -> Assignment:
    """The site of every record: that of its patient's first record, so that a patient seen at two sites stays in one."""
    import numpy as np

    _, first, inverse = np.unique(cohort.patient, return_index=True, return_inverse=True)
    homes: Assignment = cohort.silo[first][inverse].astype(np.int64)
    return homes


def _dirichlet(label: NDArray[np.int64], alpha: float, silos: int, least: int, seed: int) -> Assignment:
    """Silo of every patient, by the label of the patient's first record."""
    import numpy as np

    for attempt in range(ATTEMPTS):
        rng = rng_of(seed, "dirichlet", attempt)
        silo = np.empty(len(label), dtype=np.int64)
        for value in np.unique(label):
            members = rng.permutation(np.flatnonzero(label == value))
            cuts = np.floor(np.cumsum(rng.dirichlet(np.full(silos, alpha)))[:-1] * len(members) + 0.5).astype(np.int64)
            for index, part in enumerate(np.split(members, cuts)):
                silo[part] = index
        if np.bincount(silo, minlength=silos).min() >= least:
            return silo
    raise SuiteError(
        f"no Dirichlet draw in {ATTEMPTS} with alpha {alpha} gave each of {silos} silos {least} of the {len(label)} patients",
        "a larger alpha, fewer silos, or a smaller min_patients",
    )


def _quantity(patients: int, beta: float, silos: int, least: int, seed: int) -> Assignment:
    """Silo of every patient: sizes drawn again until every silo has `least`."""
    import numpy as np

    for attempt in range(ATTEMPTS):
        rng = rng_of(seed, "quantity", attempt)
        ends = np.floor(np.cumsum(rng.dirichlet(np.full(silos, beta))) * patients + 0.5).astype(np.int64)
        ends[-1] = patients  # a cumulative sum of 1 - 1e-16 must not lose a patient
        sizes = np.diff(ends, prepend=0)
        if sizes.min() >= least:
            return rng.permutation(np.repeat(np.arange(silos), sizes))
    raise SuiteError(
        f"no Dirichlet draw of sizes in {ATTEMPTS} with beta {beta} gave each of {silos} silos {least} of the {patients} patients",
        "a larger beta, fewer silos, or a smaller min_patients",
    )
