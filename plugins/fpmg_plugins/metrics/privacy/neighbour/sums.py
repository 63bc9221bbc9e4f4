"""Membership from the sums that silos exchange before round 0: how much of a record explains where a silo's mean lies?

Tracing (Homer et al., 2008; Dwork, Smith, Steinke, Ullman and Vadhan, "Robust traceability from trace amounts", 2015) compares what a
record adds to the sums with the silo's mean, both beside the mean of all other silos. The numbers are many and correlated, so here the
silo's mean is written as a combination of the candidates by ridge regression; a record's share in it is its score. What differs
between classes is no record's own and is taken out first. Many numbers about few patients give these away, whatever is trained later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import SERVER
from fpmg_plugins.metrics.privacy.neighbour.views import AT_SERVER, CLIENT
from fpmg_plugins.metrics.privacy.neighbour.worst import Answer, Attack
from fpmg_plugins.metrics.privacy.targets import LEAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import State
    from fpmg_plugins.metrics.privacy.neighbour.membership import Asking
    from fpmg_plugins.metrics.privacy.neighbour.worst import Answers

    Floats = NDArray[np.floating]
    Seen = dict[str, dict[int, State]]  # stage -> silo -> its own sums

SUMS = "sums"
TOTAL, LEFT, OWN = "total", "left", "own"
START = -1  # before round 0
RARE = 1e-3  # of the mean variance, added to each: a number that hardly ever moves must not drown the others
WIDE = 20_000  # numbers looked at, at most about
RIDGE = 1.0  # of the mean of the squared candidates


def seen(evidence: Evidence) -> tuple[str, Seen]:
    """(adversary, what it got): the server, or the next silo, which gets everybody's by relay."""
    found: Seen = {}
    at_server = any(SUMS in frame for frame in evidence.frames(SERVER))
    for at in [SERVER] if at_server else range(len(evidence.silo_names)):
        for frame in evidence.frames(at):
            if SUMS in frame:
                found.setdefault(frame["stage"], {})[frame["origin"]] = frame[SUMS]
    return AT_SERVER if at_server else "hop_1", found


def answers(evidence: Evidence, silos: Sequence[Asking]) -> Answers:
    """Attacks on a stage's sums: on one silo's, as they arrived (exact, noised, or under masks), and on what the total leaves."""
    adversary, sums = seen(evidence)
    client = CLIENT if adversary == AT_SERVER else adversary
    found: dict[Attack, dict[int, Answer]] = {}
    for one in silos:
        for stage, held in sums.items():
            answer = _of_silo(evidence, one, stage, held)
            if answer is not None:
                found.setdefault(Attack(adversary, stage, SUMS, one.modality(stage, SUMS), SUMS), {})[one.people.silo] = answer
        for stage, frame in _left(evidence, one.people.silo).items():
            answer = _of_total(evidence, one, stage, frame)
            if answer is not None:
                found.setdefault(Attack(client, stage, TOTAL, one.modality(stage, SUMS), TOTAL), {})[one.people.silo] = answer
    return found


def _left(evidence: Evidence, victim: int) -> dict[str, Mapping[str, Any]]:
    """stage -> what the silo after the victim knows of all others' sums together."""
    after = (victim + 1) % len(evidence.silo_names)
    return {frame["stage"]: frame for frame in evidence.frames(after) if LEFT in frame}


def _of_total(evidence: Evidence, one: Asking, stage: str, frame: Mapping[str, Any]) -> Answer | None:
    own = frame["origin"]
    others = [silo for silo in range(len(evidence.silo_names)) if silo != own]
    left, mine = (_mean(evidence, stage, flat(frame[part]), silos) for part, silos in ((LEFT, others), (OWN, [own])))
    return _answer(evidence, one, stage, left - mine)


def _of_silo(evidence: Evidence, one: Asking, stage: str, held: dict[int, State]) -> Answer | None:
    victim = one.people.silo
    others = [silo for silo in held if silo != victim]
    if victim not in held or not others:
        return None
    apart = _mean(evidence, stage, flat(held[victim]), [victim])
    rest: Floats = np.sum([flat(held[silo]) for silo in others], axis=0)
    return _answer(evidence, one, stage, apart - _mean(evidence, stage, rest, others))


def _answer(evidence: Evidence, one: Asking, stage: str, apart: Floats) -> Answer | None:
    """Candidates traced in a mean [w] less another one."""
    victim = one.people.silo
    parts = [evidence.added(stage, cohort, victim) for cohort in one.people.cohorts]
    patients = [cohort.patient[rows] for cohort, (_, rows) in zip(one.people.cohorts, parts, strict=True)]
    if min(len(np.unique(side)) for side in patients) < LEAST:
        return None
    added = np.stack([flat(state) for states, _ in parts for state in states])
    labels = [cohort.label[rows] for cohort, (_, rows) in zip(one.people.cohorts, parts, strict=True)]
    score = traced(added, apart, np.concatenate(labels))
    return Answer(one.people, [START], one.people.of_patients(score, np.concatenate(patients))[None])


def traced(added: Floats, apart: Floats, label: NDArray[np.int64]) -> Floats:
    """[n] for records of these labels that add `added` [n, w]; apart [w]: a silo's mean less the others'. Higher: rather of the silo."""
    classes, which = np.unique(label, return_inverse=True)
    means = np.stack([added[which == c].mean(0) for c in range(len(classes))])
    own = added - means[which]
    spread = own.var(0)
    if not spread.any():  # all records add the same: nobody's can be told
        return np.zeros(len(added))
    unit = np.sqrt(spread + RARE * spread.mean())
    between = ((means - means.mean(0)) / unit).T
    left = apart / unit - between @ np.linalg.lstsq(between, apart / unit, rcond=None)[0]
    own = own / unit
    alike = own @ own.T
    ridge = RIDGE * max(float(np.trace(alike)) / len(own), 1e-12)
    share: Floats = np.linalg.solve(alike + ridge * np.eye(len(own)), own @ left)
    return share


def _mean(evidence: Evidence, stage: str, total: Floats, silos: Sequence[int]) -> Floats:
    """Mean [w], of a total, over the patients of these silos who have what the stage is about: their numbers are public."""
    modality = stage.partition(":")[2]
    there = evidence.train.present[modality] if modality else np.ones(len(evidence.train), bool)
    n = len(np.unique(evidence.train.patient[there & np.isin(evidence.train.silo, silos)]))
    mean: Floats = total / max(n, 1)
    return mean


def flat(state: State) -> Floats:
    """[w], keys in order; of very wide sums evenly spaced numbers."""
    whole = np.concatenate([state[key].double().numpy().ravel() for key in sorted(state)])
    return whole[:: -(-len(whole) // WIDE)]
