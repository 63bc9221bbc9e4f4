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
        """Guesses by scorers that the trial's kind had chosen in advance, and the larger of the bounds that they give.

        known: training patients without canaries; privacy: that entry of trial.json, None where nothing is claimed. Every release is
        judged by distances, private steps by their gradients as well: what a plug-in does beside its steps shows in no gradient.
        """
        formal = float(privacy["epsilon"]) if privacy else math.inf
        delta = spec.privacy.delta if spec.privacy else None
        guesses = {}
        if self.scores:
            score = np.zeros(len(self.canaries))
            for silo, values in self.scores.items():
                score[self._of(silo)] = values
            guesses["gradients"] = finding.ranked(score, finding.GRADIENTS)
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
