"""Membership from the sums that silos exchange before round 0: how much of a patient explains where a mean lies?

Tracing (Homer et al., 2008; Dwork, Smith, Steinke, Ullman and Vadhan, "Robust traceability from trace amounts", 2015) compares what a
patient adds to the sums with a mean. The numbers are many and correlated, so here the mean of a silo, or of all silos but the
adversary's own, less that of all candidates is written as a combination of the candidates by ridge regression; a patient's share in it is the
score. Candidates are training and held-out patients treated alike (docs/decisions/062-tracing.md): whoever is left out of them is
noise to the others. What differs between classes is no patient's own and is taken out first. Many numbers about few patients
give these away, whatever is trained later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import SERVER
from fpmg_plugins.metrics.privacy.neighbour.views import AT_SERVER, CLIENT
from fpmg_plugins.metrics.privacy.neighbour.worst import Answer, Attack
from fpmg_plugins.metrics.privacy.targets import LEAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, State
    from fpmg_plugins.metrics.privacy.neighbour.membership import Asking
    from fpmg_plugins.metrics.privacy.neighbour.worst import Answers

    Floats = NDArray[np.floating]
    Seen = dict[str, dict[int, State]]  # stage -> silo -> its own sums
    Got = tuple[str, str, State, Sequence[int]]  # adversary, SUMS | TOTAL, the sums of these silos

SUMS = "sums"
TOTAL, LEFT, ROW = "total", "left", "row"
START = -1  # before round 0
RARE = 1e-3  # of the mean variance, added to each: a number that hardly ever moves must not drown the others
WIDE = 20_000  # numbers looked at, at most about
MOST = 1_000  # candidates, at most about
RIDGE = 0.3  # of the mean of the squared candidates


def seen(evidence: Evidence) -> tuple[str, Seen]:
    """(adversary, what it got): the server, or the next silo, which gets everybody's by relay."""
    found: Seen = {}
    at_server = any(SUMS in frame for frame in evidence.frames(SERVER))
    for at in [SERVER] if at_server else range(len(evidence.silo_names)):
        for frame in evidence.frames(at):
            if SUMS in frame:
                found.setdefault(frame["stage"], {})[frame["origin"]] = frame[SUMS]
    return AT_SERVER if at_server else "hop_1", found


@dataclass(frozen=True, slots=True)
class Crowd:
    """Candidates, and what each of them adds. patient [n]; mean, unit [w]: of what all add, and their spread; between [w, K]: what

    classes differ by; own [n, w]: each one's, less that of the class; alike [n, n]: inner products, damped. unit is 0 where all add the same.
    """

    patient: NDArray[np.int64]
    mean: Floats
    unit: Floats
    between: Floats
    own: Floats
    alike: Floats

    @classmethod
    def of(cls, patient: NDArray[np.int64], added: Floats, label: NDArray[np.int64]) -> Crowd:
        """Of candidates of these labels [n] who add `added` [n, w]."""
        classes, which = np.unique(label, return_inverse=True)
        means = np.stack([added[which == c].mean(0, dtype=np.float64) for c in range(len(classes))])
        own = added - means[which].astype(added.dtype)
        spread = own.var(0, dtype=np.float64)
        unit = np.sqrt(spread + RARE * spread.mean())
        scale = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
        own *= scale.astype(added.dtype)
        alike = (own @ own.T).astype(np.float64)
        damping = RIDGE * max(float(np.trace(alike)) / len(own), 1e-12)
        between = ((means - means.mean(0)) * scale).T
        return cls(patient, added.mean(0, dtype=np.float64), scale, between, own, alike + damping * np.eye(len(own)))

    def shares(self, mean: Floats) -> Floats:
        """[n]: each candidate's share in a mean [w] of patients. Higher: rather one of them."""
        apart = (mean - self.mean) * self.unit
        left = apart - self.between @ np.linalg.lstsq(self.between, apart, rcond=None)[0]
        share: Floats = np.linalg.solve(self.alike, self.own @ left.astype(self.own.dtype))
        return share


@dataclass(frozen=True, slots=True)
class Stage:
    """What is asked of one silo's candidates in a stage's sums, by the silo after it, or a server.

    all: keys of sums to which every silo's patients add; rows: of those where each silo has numbers of its own.
    """

    evidence: Evidence
    one: Asking
    name: str
    all: frozenset[str]
    rows: frozenset[str]

    @classmethod
    def of(cls, evidence: Evidence, one: Asking, name: str, keys: frozenset[str]) -> Stage:
        """Of rows is what a patient would add to other numbers in another silo."""
        victim = one.people.silo
        here, there = (_alone(evidence, name, one.people.cohorts[0], at) for at in (victim, _after(evidence, victim)))
        rows = {
            k for k in here if bool(here[k].any()) and bool(there[k].any()) and not bool(((here[k] != 0) & (there[k] != 0)).any())
        }
        return cls(evidence, one, name, keys - rows, frozenset(rows))

    def crowd(self, keys: frozenset[str]) -> Crowd:
        """The candidates in these sums."""
        cohorts, people = _candidates(self.evidence, self.one), self.one.people
        parts = [
            (cohort.take(at), states)
            for cohort in cohorts
            for states, at in [self.evidence.added(self.name, cohort, people.silo)]
        ]
        every = np.concatenate([cohort.patient for cohort, _ in parts])
        patient, first, which = np.unique(every, return_index=True, return_inverse=True)
        added = _by_patient(which, (flat(state, keys) for _, states in parts for state in states))
        return Crowd.of(patient, added, np.concatenate([cohort.label for cohort, _ in parts])[first])

    @property
    def enough(self) -> bool:
        """Have LEAST of either side of those asked about what the stage is about?"""
        modality = self.name.partition(":")[2]
        there = [cohort.patient[cohort.present[modality]] if modality else cohort.patient for cohort in self.one.people.cohorts]
        return min(len(np.unique(side)) for side in there) >= LEAST

    @property
    def shared(self) -> bool:
        """Whether other silos' candidates are the same and add the same: encoders' sums are asked before anything was trained."""
        return not self.rows and self.name != "stage2" and _candidates(self.evidence, self.one)[0] is self.evidence.train

    def answer(self, crowd: Crowd, total: State, keys: frozenset[str], silos: Sequence[int]) -> Answer:
        """Candidates traced in the sums of these silos."""
        people = self.one.people
        share = crowd.shares(flat(total, keys) / max(self._patients(silos), 1))
        return Answer(people, [START], people.of_patients(share, crowd.patient)[None])

    def _patients(self, silos: Sequence[int]) -> int:
        """Of these silos, with what the stage is about: their numbers are public."""
        train, modality = self.evidence.train, self.name.partition(":")[2]
        there = train.present[modality] if modality else np.ones(len(train), bool)
        return len(np.unique(train.patient[there & np.isin(train.silo, silos)]))


def answers(evidence: Evidence, silos: Sequence[Asking]) -> Answers:
    """Attacks on a stage's sums: on one silo's, as they arrived (exact, noised, or under masks), and on what the total leaves."""
    adversary, sums = seen(evidence)
    client = CLIENT if adversary == AT_SERVER else adversary
    found: dict[Attack, dict[int, Answer]] = {}
    crowds: dict[str, Crowd] = {}  # of several silos
    for one in silos:
        victim, left = one.people.silo, _left(evidence, one.people.silo)
        for name in dict.fromkeys((*sums, *left)):
            held = sums.get(name, {})
            got = [(adversary, SUMS, held[victim], [victim])] if victim in held and len(held) > 1 else []
            got += [(client, TOTAL, left[name][LEFT], _others(evidence, left[name]["origin"]))] if name in left else []
            for seer, module, answer in _asked(evidence, one, name, got, crowds):
                score = SUMS if module == SUMS else TOTAL
                found.setdefault(Attack(seer, name, module, one.modality(name, module), score), {})[victim] = answer
    return found


def _asked(
    evidence: Evidence, one: Asking, name: str, got: Sequence[Got], crowds: dict[str, Crowd]
) -> Iterator[tuple[str, str, Answer]]:
    """(adversary, sums | total | row, answer) of what was got."""
    if not got:
        return
    stage = Stage.of(evidence, one, name, frozenset(got[0][2]))
    if not stage.enough or not stage.all:
        return
    if name not in crowds or not stage.shared:
        crowds[name] = stage.crowd(stage.all)
    for adversary, module, total, silos in got:
        yield adversary, module, stage.answer(crowds[name], total, stage.all, silos)
        if module == TOTAL and stage.rows:
            yield adversary, ROW, stage.answer(stage.crowd(stage.rows), total, stage.rows, [one.people.silo])


def _alone(evidence: Evidence, stage: str, cohort: Cohort, silo: int) -> State:
    """What the first of these records with what the stage is about adds in this silo; {} where none has it."""
    states, _ = evidence.added(stage, cohort, silo)
    return next(iter(states), {})


def _candidates(evidence: Evidence, one: Asking) -> tuple[Cohort, Cohort]:
    """Training and held-out records; of more than MOST patients, those asked about and others at random."""
    train, held_out = evidence.train, evidence.held_out
    everyone = np.unique(np.concatenate([train.patient, held_out.patient]))
    if len(everyone) <= MOST:
        return train, held_out
    others = np.random.default_rng(one.seed).permutation(np.setdiff1d(everyone, one.people.patient))
    kept = np.concatenate([one.people.patient, others[: max(MOST - len(one.people.patient), 0)]])
    return train.take(np.isin(train.patient, kept)), held_out.take(np.isin(held_out.patient, kept))


def _by_patient(which: NDArray[np.intp], rows: Iterator[Floats]) -> Floats:
    """[patients, w]: means over each one's records, which are those of patient `which` [records]."""
    once = 1 / np.bincount(which)[which]
    added: Floats = np.zeros((0, 0), np.float32)
    for i, share, row in zip(which, once, rows, strict=True):
        if not added.size:
            added = np.zeros((int(which.max()) + 1, len(row)), np.float32)
        added[i] += share * row
    return added


def _left(evidence: Evidence, victim: int) -> dict[str, Mapping[str, Any]]:
    """stage -> what the silo after the victim knows of all others' sums together."""
    return {frame["stage"]: frame for frame in evidence.frames(_after(evidence, victim)) if LEFT in frame}


def _after(evidence: Evidence, victim: int) -> int:
    return (victim + 1) % len(evidence.silo_names)


def _others(evidence: Evidence, own: int) -> list[int]:
    return [silo for silo in range(len(evidence.silo_names)) if silo != own]


def flat(state: State, keys: frozenset[str]) -> Floats:
    """[w] of these keys in order; of very wide sums evenly spaced numbers."""
    whole = np.concatenate([state[key].double().numpy().ravel() for key in sorted(keys)])
    return whole[:: -(-len(whole) // WIDE)]
