"""Splits by patient, stratified by label and silo: T trains, R1 and R2 (the halves of H) judge, A is a third real set.

The same for every method of a dataset and seed; shares and rules are those of EVALUATION.md. Where a dataset draws patients anew
for every seed nobody is split off: they come as T, H and A, and H is halved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from fpmg_bench.contracts import Part
from fpmg_bench.errors import DatasetError, SuiteError
from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

THIRD_FROM = 1_000  # patients from which a third real set (A) is split off
TUNED_FROM = 300  # patients below which a cohort is never tuned, so no development set is set aside
LEAST_HELD_OUT = 2  # a stratum must give one patient each to R1 and R2


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of one cohort. `rows`: part -> positions in the cohort; `unstratified`: patients of strata too small to split.

    fresh: the parts were drawn for this seed, no other has these patients; `rows` is empty then.
    """

    train: Cohort
    r1: Cohort
    r2: Cohort
    held_out: Cohort
    third: Cohort | None
    unstratified: int
    rows: Mapping[str, NDArray[np.intp]]
    fresh: bool = False

    def only(self, modalities: tuple[str, ...]) -> Split:
        """The same parts with fewer modalities."""
        parts = {name: getattr(self, name) for name in ("train", "r1", "r2", "held_out", "third")}
        return replace(self, **{name: part.only(modalities) for name, part in parts.items() if part is not None})


def split(cohort: Cohort, seed: int, holdout: float = 0.0, tuning: bool = False) -> Split:
    """Split a cohort by patient for one seed.

    holdout: share of patients (by hash, the same for all seeds) set aside as the development set; `tuning` splits that
    set, otherwise the rest is split. Raises DatasetError where nobody can be held out, SuiteError for tuning a small cohort.
    """
    patients, inverse = np.unique(cohort.patient, return_inverse=True)
    pool = np.flatnonzero(_in_pool(patients, holdout, tuning))
    strata = _strata(cohort, inverse, len(patients))
    part, unstratified = _assign(pool, strata, np.bincount(inverse), np.random.default_rng(seed_for(seed, "split")))
    record_part = np.array([part.get(i, "") for i in range(len(patients))], dtype=object)[inverse]
    rows = {name: np.flatnonzero(record_part == name) for name in ("train", "r1", "r2", "third")}
    rows["held_out"] = np.sort(np.concatenate([rows["r1"], rows["r2"]]))
    if not (len(rows["train"]) and len(rows["r1"]) and len(rows["r2"])):
        raise DatasetError(
            f"cohort of {len(pool)} patients: no stratum of label and silo is large enough to hold patients out",
            "use a larger cohort, or silos with at least 5 patients of a label",
        )
    third = cohort.take(rows["third"]) if len(rows["third"]) else None
    train, r1, r2, held_out = (cohort.take(rows[name]) for name in ("train", "r1", "r2", "held_out"))
    return Split(train, r1, r2, held_out, third, unstratified=unstratified, rows=rows)


def everyone(cohort: Cohort) -> Split:
    """Nobody held out: all train, of a model that is released and not judged."""
    rows = np.arange(len(cohort))
    none = rows[:0]
    nobody = cohort.take(none)
    parts = dict.fromkeys(("r1", "r2", "third", "held_out"), none)
    return Split(cohort, nobody, nobody, nobody, None, unstratified=0, rows={"train": rows, **parts})


def draws_patients(dataset: Any) -> bool:
    """Whether every seed has patients of its own: `Dataset.fresh`."""
    return hasattr(dataset, "fresh") and int(getattr(dataset, "held_out", 0)) > 0


def drawn(train: Cohort, held_out: Cohort, third: Cohort | None, seed: int) -> Split:
    """Patients of this seed alone: H is halved by patient, stratified by label and silo. DatasetError where it has fewer than two."""
    patients, inverse = np.unique(held_out.patient, return_inverse=True)
    if len(patients) < LEAST_HELD_OUT or not len(train):
        raise DatasetError(f"{len(train)} training records and {len(patients)} fresh held-out patients", "draw more of them")
    strata, records = _strata(held_out, inverse, len(patients)), np.bincount(inverse)
    rng, halves = np.random.default_rng(seed_for(seed, "split")), {"r1": 0, "r2": 0}
    order = rng.permutation(len(patients))
    part: dict[int, str] = {}
    for stratum in np.unique(strata):
        part |= _halved(order[strata[order] == stratum], records, halves)
    half = np.array([part[i] for i in range(len(patients))], dtype=object)[inverse]
    r1, r2 = (held_out.take(np.flatnonzero(half == name)) for name in ("r1", "r2"))
    return Split(train, r1, r2, held_out, third, unstratified=0, rows={}, fresh=True)


def fresh(dataset: Any, seed: int, tuning: bool, part: Part) -> Cohort | None:
    """Of a trial's seed; tuning has people of its own, whom no evaluation meets."""
    found: Cohort | None = dataset.fresh(seed_for(seed, "development") if tuning else seed, part)
    return found


def fresh_parts(dataset: Any, seed: int, tuning: bool = False) -> Split:
    """The patients of this seed, of a dataset that draws them anew. Raises DatasetError where it gives none."""
    train, held_out, third = (fresh(dataset, seed, tuning, part) for part in get_args(Part))
    if train is None or held_out is None:
        raise DatasetError(f"{type(dataset).__name__}: no fresh patients for seed {seed}", "see Dataset in contracts.py")
    return drawn(train, held_out, third, seed)


def parted(dataset: Any, seed: int) -> Split:
    """As a trial of this seed has them, where no development set is set aside."""
    return fresh_parts(dataset, seed) if draws_patients(dataset) else split(dataset.load(), seed)


def _in_pool(patients: NDArray[np.int64], holdout: float, tuning: bool) -> NDArray[np.bool_]:
    """Whether each patient takes part: in the development set when tuning, else outside it."""
    if not 0.0 <= holdout < 1.0:
        raise SuiteError(f"tune.holdout: {holdout} is not a share", "give a number from 0 to below 1")
    if tuning and (holdout == 0.0 or len(patients) < TUNED_FROM):
        raise SuiteError(
            f"a cohort of {len(patients)} patients with holdout {holdout} has no development set to tune on",
            f"set tune.holdout and use at least {TUNED_FROM} patients, or tune on the phantom",
        )
    if holdout == 0.0 or len(patients) < TUNED_FROM:
        return np.ones(len(patients), bool)
    share = np.array([seed_for(0, "development", int(p)) / 2**63 for p in patients])
    return (share < holdout) if tuning else (share >= holdout)


def _strata(cohort: Cohort, inverse: NDArray[np.intp], patients: int) -> NDArray[np.int64]:
    """Stratum of every patient: the most frequent (label, silo) among their records; ties go to the smallest."""
    pair = cohort.label * (int(cohort.silo.max(initial=0)) + 2) + cohort.silo + 1
    codes, code = np.unique(pair, return_inverse=True)
    votes = np.zeros((patients, len(codes)), np.int64)
    np.add.at(votes, (inverse, code), 1)
    stratum: NDArray[np.int64] = votes.argmax(1)
    return stratum


def _assign(
    pool: NDArray[np.intp], strata: NDArray[np.int64], records: NDArray[np.intp], rng: np.random.Generator
) -> tuple[dict[int, str], int]:
    """Part of every pooled patient, and how many sat in strata too small to split."""
    held_share, third_share = (0.30, 0.10) if len(pool) >= THIRD_FROM else (0.35, 0.0)
    part: dict[int, str] = {}
    halves = {"r1": 0, "r2": 0}
    unstratified = 0
    for stratum in np.unique(strata[pool]):
        members = rng.permutation(pool[strata[pool] == stratum])
        held = round(held_share * len(members))
        if held < LEAST_HELD_OUT:
            unstratified += len(members)
            held = third = 0
        else:
            third = round(third_share * len(members))
        part.update(_halved(members[:held], records, halves))
        part.update({int(p): "third" for p in members[held : held + third]})
        part.update({int(p): "train" for p in members[held + third :]})
    return part, unstratified


def _halved(held: NDArray[np.intp], records: NDArray[np.intp], halves: dict[str, int]) -> dict[int, str]:
    """Held-out patients by pairs of like record counts, one to each half, the larger to the half that has fewer records so far.

    Both halves get as many patients (up to one) and nearly as many records, though some patients have a hundred.
    """
    part = {}
    ordered = held[np.argsort(-records[held], kind="stable")]
    for start in range(0, len(ordered), 2):
        for patient, half in zip(ordered[start : start + 2], sorted(halves, key=lambda h: halves[h]), strict=False):
            part[int(patient)] = half
            halves[half] += int(records[patient])
    return part
