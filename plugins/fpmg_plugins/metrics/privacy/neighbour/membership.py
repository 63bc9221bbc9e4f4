"""Every adversary's attacks on every silo's candidates."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.neighbour.attacks import ATTACKS, Target, by_round
from fpmg_plugins.metrics.privacy.neighbour.candidates import people
from fpmg_plugins.metrics.privacy.neighbour.worst import Answer, Answers, Attack
from fpmg_plugins.metrics.privacy.targets import LEAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_plugins.metrics.privacy.neighbour.candidates import People
    from fpmg_plugins.metrics.privacy.neighbour.views import Sight, Sights, Views

JOINT = "joint"


def asking(evidence: Evidence, victims: Iterable[int], most: int, seed: int, key: str) -> list[Asking]:
    """One a silo, with at most `most` members; silos without enough patients are gaps of `key`."""
    found = []
    for silo in sorted(victims):
        try:
            requested = people(evidence, silo, most, seed)
            found.append(Asking(evidence, requested, seed))
        except NotApplicable as error:
            evidence.not_applicable(key, error.reason, f"silo:{evidence.silo_names[silo]}")
    return found


def answers(seen: Views, silos: Sequence[Asking]) -> Answers:
    """Every attack's answers, silo by silo."""
    found: dict[Attack, dict[int, Answer]] = {}
    for one in silos:
        for (adversary, victim), stages in seen.items():
            for stage, sights in stages.items() if victim == one.people.silo else ():
                for module, name, answer in one.of(stage, sights):
                    attack = Attack(adversary, stage, module, one.modality(stage, module), name)
                    found.setdefault(attack, {})[victim] = answer
    return found


@dataclass(slots=True)
class Asking:
    """One silo's candidates before the weights that adversaries saw. What several saw of the very same tensors is asked once."""

    evidence: Evidence
    people: People
    seed: int
    _kept: dict[Hashable, list[tuple[str, str, Answer]]] = field(default_factory=dict)
    _targets: dict[str, tuple[dict[str, Target], NDArray[np.int64]]] = field(default_factory=dict)

    def of(self, stage: str, sights: Sights) -> Sequence[tuple[str, str, Answer]]:
        """(module, attack, answer) of every module of a stage that says what it minimises."""
        key = (stage, tuple(sight.key for sight in sights))
        if key not in self._kept:
            self._kept[key] = list(self._ask(stage, sights))
        return self._kept[key]

    def targets(self, stage: str, sight: Sight) -> tuple[dict[str, Target], NDArray[np.int64]]:
        """The stage's modules under attack, and the patient of every record asked about; nothing below LEAST a side."""
        if stage not in self._targets:
            self._targets[stage] = self._targets_of(stage, sight)
        return self._targets[stage]

    def modality(self, stage: str, module: str) -> str:
        """Whose records a module tells of: its stage's, or the one in its name; else all of them together."""
        named = stage.partition(":")[2] or module.partition(".")[2]
        return named if named in self.evidence.train.schemas else JOINT

    def _ask(self, stage: str, sights: Sights) -> Iterator[tuple[str, str, Answer]]:
        targets, records = self.targets(stage, sights[0])
        for module, target in targets.items():
            rounds, scores = by_round(target, sights, self.seed)
            of = self.people.of_patients(scores, records)
            for i, name in enumerate(ATTACKS if rounds else ()):
                yield module, name, Answer(self.people, rounds, of[:, i])

    def _targets_of(self, stage: str, sight: Sight) -> tuple[dict[str, Target], NDArray[np.int64]]:
        rows = [self.evidence.rows(stage, cohort, self.people.silo) for cohort in self.people.cohorts]
        patients = [cohort.patient[at] for cohort, (_, at) in zip(self.people.cohorts, rows, strict=True)]
        if min(len(np.unique(side)) for side in patients) < LEAST:
            return {}, np.zeros(0, np.int64)
        objectives = self.evidence.objectives(stage, sight.state)
        targets = {name: Target.of(name, objective, [part for part, _ in rows]) for name, objective in objectives.items()}
        return targets, np.concatenate(patients)
