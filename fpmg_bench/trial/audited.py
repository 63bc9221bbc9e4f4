"""A trial with canaries: which shards it opens, who watches them, and what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.audit import finding
from fpmg_bench.audit.canaries import spread
from fpmg_bench.audit.sabotage import SHARDS
from fpmg_bench.audit.witness import Witness
from fpmg_bench.trial.silos import place, silos_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.audit.canaries import Canaries
    from fpmg_bench.audit.finding import Finding
    from fpmg_bench.evaluation import EvaluationSpace
    from fpmg_bench.privacy import LocalShard
    from fpmg_bench.spec import Audit, TrialSpec
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.types import Charges, Cohort

STEPS, SUMS = "steps", "sums"
GRADIENTS, ENCODERS = "gradients", "encoders"  # scorers of private steps: of the generator, of stage 1


@dataclass(frozen=True, slots=True)
class Audited:
    """The canaries of one trial.

    scores: silo -> stage -> "steps" | "sums" -> what its witness has summed up, canary by canary of the silo; only what is accessed.
    """

    audit: Audit
    canaries: Canaries
    scores: dict[int, dict[str, dict[str, NDArray[np.float64]]]] = field(default_factory=dict)

    @property
    def shard(self) -> type[LocalShard]:
        """The shard that this trial opens: the real one, or one with the fault that was asked for."""
        return SHARDS[self.audit.sabotage]

    def witness(
        self, silo: int, stage: str, patient: NDArray[np.int64], planned: Charges, rows: Callable[[Cohort], Any]
    ) -> Witness:
        """The observer of a silo's shard of a stage, whose training records are these patients'.

        planned: accesses of the stage; rows(canaries): what the stage trains on, of canaries that have it.
        """
        own = self.canaries.cohort.take(self._of(silo))
        _, _, modality = stage.rpartition(":")
        at = np.flatnonzero(own.present[modality]) if stage.startswith("stage1") else np.arange(len(own))
        kinds = {STEPS: planned.private_steps, SUMS: planned.moments + planned.counts}
        for kind in (kind for kind, accesses in kinds.items() if accesses):
            self._scores(silo, stage, kind, len(own))
        kept = self.scores.get(silo, {}).get(stage, {})
        unseen = np.zeros(len(own))  # of what is not planned: nothing is ever added
        return Witness(rows(own.take(at)), self.canaries.of(patient), kept.get(STEPS, unseen), kept.get(SUMS, unseen.copy()), at)

    def _scores(self, silo: int, stage: str, kind: str, canaries: int) -> NDArray[np.float64]:
        return self.scores.setdefault(silo, {}).setdefault(stage, {}).setdefault(kind, np.zeros(canaries))

    def _of(self, silo: int) -> NDArray[np.intp]:
        return np.flatnonzero(self.canaries.cohort.silo == silo)

    def kept(self) -> dict[str, dict[str, dict[str, list[float]]]]:
        """What a checkpoint keeps."""
        return {
            str(silo): {stage: {kind: score.tolist() for kind, score in kinds.items()} for stage, kinds in stages.items()}
            for silo, stages in self.scores.items()
        }

    def recall(self, kept: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> None:
        """Put back what was summed up before; witnesses that are open already go on from there."""
        for silo, stages in kept.items():
            for stage, kinds in stages.items():
                for kind, score in kinds.items():
                    self._scores(int(silo), stage, kind, len(score))[:] = score

    def _summed(self, stage1: bool, kind: str) -> NDArray[np.float64] | None:
        """Scores [canaries] over the stages on that side; None where nobody looked on."""
        found = None
        for silo, stages in self.scores.items():
            for stage, kinds in stages.items():
                if kind in kinds and stage.startswith("stage1") == stage1:
                    found = np.zeros(len(self.canaries)) if found is None else found
                    found[self._of(silo)] += kinds[kind]
        return found

    def _guesses(self) -> dict[str, NDArray[np.int8]]:
        """Of what was looked at, by scorer."""
        seen = {GRADIENTS: self._summed(False, STEPS), ENCODERS: self._summed(True, STEPS)}
        sums = [each for each in (self._summed(False, SUMS), self._summed(True, SUMS)) if each is not None]
        seen[SUMS] = np.sum(sums, axis=0) if sums else None
        return {name: finding.ranked(score, finding.GRADIENTS) for name, score in seen.items() if score is not None}

    def finding(
        self, spec: TrialSpec, released: Mapping[int, Cohort], known: Cohort, space: EvaluationSpace, privacy: Any
    ) -> Finding:
        """Guesses by scorers that the trial's kind had chosen in advance, and the larger of the bounds that they give.

        known: training patients without canaries; privacy: that entry of trial.json, None where nothing is claimed. Every release is
        judged by distances, private steps of either stage by their gradients and sums by what is left of them: what a plug-in does
        beside them shows in none.
        """
        formal = float(privacy["epsilon"]) if privacy else math.inf
        delta = spec.privacy.delta if spec.privacy else None
        guesses = self._guesses()
        if released or not guesses:
            distinct = {id(release): release for release in released.values()}
            near = finding.closeness(self.canaries.cohort, distinct.values(), known, space)
            guesses["distance"] = finding.copied(near) if spec.control else finding.ranked(near, finding.DISTANCE)
        return finding.found(self.canaries.member, guesses, formal, delta, self.audit.sabotage)


def settle(
    train: Cohort, canaries: Canaries | None, spec: TrialSpec
) -> tuple[Cohort, list[Silo], dict[str, Any], Audited | None]:
    """Step 3: training patients in silos, the realised skew; in an audit with the canaries whose coin fell so."""
    if canaries is None or spec.audit is None:
        return *place(train, spec), None
    train, _, realised = place(train, spec)
    canaries = spread(canaries, train)
    train = canaries.joined(train)
    return train, silos_of(train, spec), realised, Audited(spec.audit, canaries)
