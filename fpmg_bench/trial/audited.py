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
    from fpmg_bench.types import Cohort, Representation


@dataclass(frozen=True, slots=True)
class Audited:
    """The canaries of one trial. scores: silo -> what its witness has summed up, canary by canary; empty without private steps."""

    audit: Audit
    canaries: Canaries
    scores: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def shard(self) -> type[LocalShard]:
        """The shard that this trial opens: the real one, or one with the fault that was asked for."""
        return SHARDS[self.audit.sabotage]

    def witness(self, silo: int, patient: NDArray[np.int64], encode: Callable[[Cohort], Representation]) -> Witness:
        """The observer of a silo whose training records are these patients'."""
        rows = encode(self.canaries.cohort.take(self._of(silo)))
        score = self.scores.setdefault(silo, np.zeros(len(rows)))
        return Witness(rows, self.canaries.of(patient), score)

    def _of(self, silo: int) -> NDArray[np.intp]:
        return np.flatnonzero(self.canaries.cohort.silo == silo)

    def kept(self) -> dict[str, list[float]]:
        """What a checkpoint keeps."""
        return {str(silo): score.tolist() for silo, score in self.scores.items()}

    def recall(self, kept: Mapping[str, Sequence[float]]) -> None:
        """Put back what was summed up before; witnesses that are open already go on from there."""
        for silo, score in kept.items():
            self.scores.setdefault(int(silo), np.zeros(len(score)))[:] = score

    def finding(
        self, spec: TrialSpec, released: Mapping[int, Cohort], known: Cohort, space: EvaluationSpace, privacy: Any
    ) -> Finding:
        """Guesses by the scorer that the trial's kind had chosen in advance, and the bound that they give.

        known: training patients without canaries; privacy: that entry of trial.json, None where nothing is claimed. Private
        steps are judged by their gradients, all else by what was released.
        """
        formal = float(privacy["epsilon"]) if privacy else math.inf
        delta = spec.privacy.delta if spec.privacy else None
        if self.scores:
            score = np.zeros(len(self.canaries))
            for silo, values in self.scores.items():
                score[self._of(silo)] = values
            guess, scorer = finding.ranked(score, finding.GRADIENTS), "gradients"
        else:
            distinct = {id(release): release for release in released.values()}
            score = finding.closeness(self.canaries.cohort, distinct.values(), known, space)
            guess, scorer = (finding.copied(score) if spec.control else finding.ranked(score, finding.DISTANCE)), "distance"
        return finding.found(self.canaries.member, guess, scorer, formal, delta, self.audit.sabotage)


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
