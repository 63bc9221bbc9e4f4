"""Canaries: made-up patients whose membership an audit guesses. Each is in or out by a fair coin of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.controls import concatenate
from fpmg_bench.errors import TrialError
from fpmg_bench.keys import seed_for
from fpmg_bench.strata import consistent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.evaluation import Split
    from fpmg_bench.spec import Audit
    from fpmg_bench.types import Cohort

DONORS = 0.5  # share of the held-out patients whose modalities make canaries; they leave the evaluation splits
ATTEMPTS = 50
CHOICES = ANY, INFLUENCE = "any", "influence"
CANDIDATES = 4  # times the canaries, of whom the most influential are taken


@dataclass(frozen=True, slots=True)
class Canaries:
    """cohort: m records, one a patient, `silo` where each would be trained; member [m]: the coins."""

    cohort: Cohort
    member: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.member)

    def of(self, patient: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these patients are canaries [n]."""
        found: NDArray[np.bool_] = np.isin(patient, self.cohort.patient)
        return found

    def joined(self, train: Cohort) -> Cohort:
        """The training cohort with the canaries that are in."""
        return concatenate([train, replace(self.cohort.take(self.member), silo_names=train.silo_names)])


def plant(parted: Split, audit: Audit, seed: int) -> tuple[Split, Canaries]:
    """(the split without the donors, the canaries in silo 0). The donors are held-out patients, so no canary is in any split.

    A canary takes each modality from another donor and a label that the first of them does not have: a patient whom nobody
    resembles. Where they are chosen by influence, it is before their coins are tossed. TrialError where there are too few donors for
    so many different ones.
    """
    m, by_influence = audit.canaries, audit.chosen == INFLUENCE
    rng = np.random.default_rng(seed_for(seed, "audit", "canaries"))
    patients = np.unique(parted.held_out.patient)
    donors = np.sort(rng.permutation(patients)[: round(DONORS * len(patients))])
    chosen = parted.held_out.take(np.isin(parted.held_out.patient, donors))
    left: dict[str, Any] = {name: _without(getattr(parted, name), donors) for name in ("r1", "r2", "held_out")}
    first = 1 + max(int(part.patient.max()) for part in (parted.train, parted.held_out, parted.third) if part is not None)
    coins = np.random.default_rng(seed_for(seed, "audit", "coins")).random(m) < 0.5
    made = _chimeras(chosen, parted.train, m, CANDIDATES * m if by_influence else m, first, rng)
    if by_influence:
        made = made.take(np.sort(influential(made, parted.train, m)))
    return replace(parted, **left), Canaries(made, coins)


def influential(candidates: Cohort, train: Cohort, m: int) -> NDArray[np.intp]:
    """Positions of m candidates, each in turn the one that most moves a linear fit to the training patients and those before it.

    That is leverage in phi, x (X^T X + 1)^-1 x: what one record's own gradient and products can add in directions that no other has.
    """
    from fpmg_bench.evaluation import EvaluationSpace

    space = EvaluationSpace.fit(train, 0)
    known, x = (space.phi(cohort).astype(np.float64) for cohort in (train, candidates))
    left = x @ np.linalg.solve(known.T @ known + np.eye(known.shape[1]), x.T)
    found = np.empty(m, np.intp)
    for i in range(m):
        found[i] = best = int(left.diagonal().argmax())
        left -= np.outer(left[:, best], left[best]) / (1 + left[best, best])
        left[best, best] = -np.inf  # each once
    return found


def spread(canaries: Canaries, train: Cohort) -> Canaries:
    """The canaries dealt over the silos of `train`, without modalities that a silo does not have."""
    cohort = canaries.cohort
    silo = np.arange(len(canaries)) % (int(train.silo.max()) + 1)
    present = {}
    for name, mask in cohort.present.items():
        holders = np.unique(train.silo[train.present[name]])
        present[name] = mask & np.isin(silo, holders)
    return replace(canaries, cohort=replace(cohort, silo=silo.astype(np.int64), present=present))


def _without(part: Cohort, patients: NDArray[np.int64]) -> Cohort:
    return part.take(~np.isin(part.patient, patients))


def _chimeras(donors: Cohort, train: Cohort, m: int, most: int, first: int, rng: np.random.Generator) -> Cohort:
    """As many as can be made, m to `most`, under patients' numbers from `first`."""
    pools = {name: np.flatnonzero(mask) for name, mask in donors.present.items() if mask.any()}
    if not pools or len(donors) < 2:
        raise TrialError(f"{len(donors)} donor records cannot make {m} canaries", "use a larger cohort")
    rows = _tuples(list(pools.values()), m, most, rng)
    m = len(rows)
    lead = rows[:, 0]
    picked = dict(zip(pools, rows.T, strict=True))
    condition = donors.condition[lead].copy()
    condition[:, 0] = _other_labels(donors.label[lead], np.unique(train.label), rng)
    condition = consistent(donors.conditions, condition)
    data: dict[str, Any] = {name: part.take(picked.get(name, lead)) for name, part in donors.data.items()}
    present = {name: np.full(m, name in picked) for name in donors.present}
    numbers = np.arange(first, first + m, dtype=np.int64)
    return replace(donors, data=data, present=present, condition=condition, patient=numbers, silo=np.zeros(m, np.int64))


def _tuples(pools: Sequence[NDArray[np.intp]], m: int, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """m to `most` different rows [., modalities] of donor records, each donor about equally often."""
    found: dict[tuple[int, ...], None] = {}
    for _ in range(ATTEMPTS):
        columns = [np.concatenate([rng.permutation(pool) for _ in range(-(-most // len(pool)))])[:most] for pool in pools]
        found |= dict.fromkeys(map(tuple, np.stack(columns, 1).tolist()))
        if len(found) >= most:
            break
    if len(found) >= m:
        return np.array(list(found)[:most], dtype=np.intp)
    raise TrialError(
        f"the held-out patients can make {len(found)} different canaries, not {m}",
        "write fewer `canaries`, or use a larger cohort",
    )


def _other_labels(label: NDArray[np.int64], classes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each a class that it does not have, where there is more than one."""
    if len(classes) < 2:
        return label
    at = np.searchsorted(classes, label) % len(classes)
    moved: NDArray[np.int64] = classes[(at + rng.integers(1, len(classes), len(label))) % len(classes)]
    return np.where(moved == label, classes[(at + 1) % len(classes)], moved)
