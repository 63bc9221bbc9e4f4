"""The patients whom a membership attack must tell apart: training patients, and as many held-out ones of the same labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.resampling import patient_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

LEAST = 20  # patients a side


@dataclass(frozen=True, slots=True)
class Targets:
    """patient [n] ascending; member [n]: a training patient; label [n]; half [n]: 0 or 1, equal in number within label and side."""

    patient: NDArray[np.int64]
    member: Mask
    label: NDArray[np.int64]
    half: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.patient)

    def take(self, rows: Mask) -> Targets:
        """The targets where the mask is True."""
        return Targets(self.patient[rows], self.member[rows], self.label[rows], self.half[rows])

    def some(self, size: int, seed: int) -> Targets:
        """At most `size` a side, drawn at random."""
        rng, kept = np.random.default_rng(seed), np.zeros(len(self), bool)
        for side in (self.member, ~self.member):
            kept[rng.permutation(np.flatnonzero(side))[:size]] = True
        return self.take(kept)

    def most(self, patient: NDArray[np.int64], value: Floats) -> Floats:
        """The largest value over each target's records [n]; NaN where none is known. patient, value: one a record."""
        at = np.minimum(np.searchsorted(self.patient, patient), len(self) - 1)
        known = (self.patient[at] == patient) & ~np.isnan(value)
        found = np.full(len(self), -np.inf)
        np.maximum.at(found, at[known], value[known])
        return np.where(np.isneginf(found), np.nan, found)

    def a_side(self, rows: Mask) -> int:
        """Members or non-members among these targets, whichever are fewer."""
        return int(min((rows & self.member).sum(), (rows & ~self.member).sum()))

    def weights(self, draws: int, seed: int) -> Floats:
        """Bootstrap weights [1 + draws, n], members and non-members drawn apart; the first row counts everybody once."""
        rng = np.random.default_rng(seed)
        weights = np.ones((1 + draws, len(self)), np.float32)
        for side in (self.member, ~self.member):
            weights[1:, side] = patient_weights(np.arange(side.sum()), draws, rng)
        return weights


def matched(members: Cohort, others: Cohort, seed: int, own: Mask | None = None, same: Mask | None = None) -> Targets:
    """Of every label as many members as non-members, drawn at random; so a label mixture that differs is no membership.

    own, same: the records whose patients may be drawn. Raises NotApplicable below `LEAST` patients a side.
    """
    rng = np.random.default_rng(seed)
    drawn = list(_drawn(_people(members, own), _people(others, same), rng))
    n = sum(len(part[0]) for part in drawn) // 2
    if n < LEAST:
        raise NotApplicable(f"{n} members against as many non-members of their labels; {LEAST} of each are needed")
    patient, member, label, half = (np.concatenate(part) for part in zip(*drawn, strict=True))
    order = np.argsort(patient)
    return Targets(patient[order], member[order], label[order], half[order])


def with_weights(evidence: Evidence, others: Cohort, draws: int, seed: int, **rows: Mask | None) -> tuple[Targets, Floats]:
    """`matched` with the training patients, and their bootstrap weights; once, where every patient may be drawn. rows: own, same."""

    def make() -> tuple[Targets, Floats]:
        targets = matched(evidence.train, others, seed, **rows)
        return targets, targets.weights(draws, seed)

    kept: tuple[Targets, Floats] = make() if rows else evidence.once(("targets", draws, seed), make, others)
    return kept


def _people(cohort: Cohort, rows: Mask | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patients and the labels of their first records."""
    kept = cohort if rows is None else cohort.take(rows)
    patient, first = np.unique(kept.patient, return_index=True)
    return patient, kept.label[first]


def _drawn(members: Any, others: Any, rng: np.random.Generator) -> Iterator[tuple[Any, Any, Any, Any]]:
    """patient, member, label, half of each label and side; the odd one goes to either half in turn."""
    done = 0
    for label in np.unique(members[1]):
        here = [rng.permutation(patient[of == label]) for patient, of in (members, others)]
        n = min(map(len, here))
        for people, member in zip(here, (True, False), strict=True):
            yield people[:n], np.full(n, member), np.full(n, label), (np.arange(n) + done) % 2
        done += n
