"""Whom a neighbour asks about: a silo's training patients, and as many held-out patients like them that nobody trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.targets import LEAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class People:
    """Candidates of one silo, members first: patient ids [p], member [p], half [p]: 0 or 1, first [p]: of R1.

    cohorts: their records, members' and others'.
    """

    silo: int
    patient: NDArray[np.int64]
    member: Mask
    half: NDArray[np.int64]
    first: Mask
    cohorts: tuple[Cohort, Cohort]

    def weights(self, draws: int, seed: int) -> Floats:
        """[1 + draws, p]: once everybody, then each patient's own Poisson bootstrap counts, the same at every silo that asks."""
        counts = [_stream(seed, 1, patient).poisson(1.0, draws) for patient in self.patient]
        return np.concatenate([np.ones((1, len(self.patient))), np.stack(counts, axis=1)]).astype(np.float32)

    def of_patients(self, scores: Floats, records: NDArray[np.int64]) -> Floats:
        """Scores [..., records] of records of these patients as their means [..., p]; NaN for whom there is none."""
        belongs = (records[:, None] == self.patient).astype(np.float64)
        count = belongs.sum(0)
        means: Floats = np.where(count > 0, scores @ belongs / np.maximum(count, 1), np.nan)
        return means


def people(evidence: Evidence, silo: int, most: int, seed: int) -> People:
    """Members and others in equal numbers of every class, others of the silo's own site where it has enough held-out patients.

    Without that a silo of unusual patients would look leaky. Raises NotApplicable below `LEAST` a side.
    """
    train, held_out, rng = evidence.train, evidence.held_out, np.random.default_rng((seed, silo))
    mine = _labels(train, train.silo == silo)
    chosen = _matched(mine, _labels(held_out, _site(held_out, evidence.silo_names[silo])), most, rng)
    if len(chosen[0]) < LEAST:
        chosen = _matched(mine, _labels(held_out, np.ones(len(held_out), bool)), most, rng)
    n = len(chosen[0])
    if n < LEAST:
        raise NotApplicable(f"{n} training patients with as many held-out patients of their classes; {LEAST} of each are needed")
    # silos may share non-members: a patient whom one of them chooses by must score for none
    half = np.array([_stream(seed, 0, patient).integers(2) for patient in np.concatenate(chosen)])
    cohorts = tuple(c.take(np.isin(c.patient, ids)) for c, ids in zip((train, held_out), chosen, strict=True))
    return People(
        silo,
        np.concatenate(chosen),
        np.arange(2 * n) < n,
        half,
        np.isin(np.concatenate(chosen), evidence.r1.patient),
        (cohorts[0], cohorts[1]),
    )


def _stream(seed: int, purpose: int, patient: Any) -> np.random.Generator:
    """A patient's own random numbers."""
    return np.random.default_rng((seed, purpose, int(patient) % 2**63))


def _labels(cohort: Cohort, rows: Mask) -> dict[int, int]:
    """patient -> class of the first of these records."""
    return dict(zip(cohort.patient[rows][::-1].tolist(), cohort.label[rows][::-1].tolist(), strict=True))


def _site(held_out: Cohort, name: str) -> Mask:
    """Held-out records of the natural site of this name."""
    site: Mask = np.isin(held_out.silo, [i for i, known in enumerate(held_out.silo_names) if known == name])
    return site


def _matched(
    members: dict[int, int], others: dict[int, int], most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patient ids, the same number of every class on both sides, at most `most` a side."""
    kept: tuple[list[int], list[int]] = ([], [])
    for label in sorted(set(members.values())):
        pools = [[p for p, of in side.items() if of == label] for side in (members, others)]
        n = min(map(len, pools))
        for side, pool in zip(kept, pools, strict=True):
            side.extend(rng.permutation(pool)[:n].tolist())
    n = min(len(kept[0]), most)
    at = rng.permutation(len(kept[0]))[:n]
    return np.array(kept[0], np.int64)[at], np.array(kept[1], np.int64)[at]
