"""How training patients are spread over silos: natural sites, iid, Dirichlet label skew, or all in one.

Always by patient: the records of one patient are never in two silos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import SuiteError
from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

    Assignment = NDArray[np.int64]

ATTEMPTS = 200
MIN_PATIENTS = 2


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a partition: a whole number of at least 1, or a number above 0."""

    whole: bool = True
    required: bool = False


OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "natural": {"min_patients": Option(), "silos": Option()},
    "iid": {"silos": Option(required=True)},
    "dirichlet": {"alpha": Option(whole=False, required=True), "silos": Option(required=True), "min_patients": Option()},
    "pooled": {},
}


def partition(cohort: Cohort, spec: Mapping[str, Any], seed: int) -> tuple[Assignment, tuple[str, ...]]:
    """(silo index of every record [n], names of the silos).

    spec: {"kind": "natural", "min_patients", "silos"}: the cohort's own sites; those with fewer patients than min_patients, and
    the smallest beyond `silos`, merge into "other" · {"kind": "iid", "silos"} · {"kind": "dirichlet", "alpha", "silos",
    "min_patients"}: each label's patients spread with shares from Dirichlet(alpha) (Hsu, Qi and Brown, 2019), drawn again until
    every silo has min_patients · {"kind": "pooled"}. Raises SuiteError where that cannot be.
    """
    import numpy as np

    patients, first, inverse = np.unique(cohort.patient, return_index=True, return_inverse=True)
    kind = spec["kind"]
    if kind == "pooled":
        return np.zeros(len(cohort), dtype=np.int64), ("pooled",)
    if kind == "natural":
        return _natural(cohort, spec)
    silos = int(spec["silos"])
    least = int(spec.get("min_patients", MIN_PATIENTS if kind == "dirichlet" else 1))
    if silos * least > len(patients):
        each = f" of at least {least} patients" if least > 1 else ""
        raise SuiteError(f"{len(patients)} training patients cannot fill {silos} silos{each}", "fewer silos, or a larger cohort")
    if kind == "iid":
        of_patient = _rng(seed, "iid").permutation(len(patients)) % silos
    else:
        of_patient = _dirichlet(cohort.label[first], float(spec["alpha"]), silos, least, seed)
    return of_patient[inverse].astype(np.int64), tuple(f"silo-{index}" for index in range(silos))


def skew(label: NDArray[np.int64], silo: NDArray[np.int64]) -> dict[str, float]:
    """Realised heterogeneity of records: `js`, `gini`.

    js: mean over pairs of silos of the Jensen-Shannon distance of their label shares (base 2, so in 0..1; Endres and Schindelin,
    2003). gini: Gini coefficient of the silos' sizes (0 equal). Both 0 for one silo.
    """
    import numpy as np

    _, dense = np.unique(silo, return_inverse=True)
    counts = np.zeros((dense.max() + 1, label.max() + 1))
    np.add.at(counts, (dense, label), 1.0)
    shares = counts / counts.sum(1, keepdims=True)
    pairs = [_js_distance(shares[a], shares[b]) for a, b in combinations(range(len(shares)), 2)]
    sizes = np.sort(counts.sum(1))
    rank = np.arange(1, len(sizes) + 1)
    gini = 2 * float(rank @ sizes) / (len(sizes) * float(sizes.sum())) - (len(sizes) + 1) / len(sizes)
    return {"js": float(np.mean(pairs)) if pairs else 0.0, "gini": max(gini, 0.0)}


def _js_distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    import numpy as np

    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(share > 0, share * np.log2(share / middle), 0.0) for share in (p, q)]
    return float(np.sqrt(max((terms[0].sum() + terms[1].sum()) / 2, 0.0)))


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
        rng = _rng(seed, "dirichlet", attempt)
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


def _rng(seed: int, *path: str | int) -> np.random.Generator:
    import numpy as np

    return np.random.Generator(np.random.PCG64(seed_for(seed, "partition", *path)))
