"""What an attacker can evaluate: a stage's loss at any weights of it, on records as the stage's learner sees them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fpmg_bench.federation.sums import ROUND as START
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import SiloContext

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Objective
    from fpmg_bench.privacy import Noise
    from fpmg_bench.trial.stages import Stages
    from fpmg_bench.types import Cohort, State


@dataclass(frozen=True, slots=True)
class _Unnoised:
    """A ledger of nobody: statistics are clipped as in the silo whose noise this is, and get none."""

    noise: Noise

    def charge(self, stage: str, mechanism: str) -> float:
        return 0.0


@dataclass(frozen=True, slots=True)
class Trained:
    """`evaluation.evidence.Learners` of one trial. models: silo -> modality | "generator" -> state."""

    stages: Stages
    models: Mapping[int, Mapping[str, State]]

    def objectives(self, stage: str, state: State) -> Mapping[str, Objective]:
        """The learner's own `objective`, where it has one."""
        learner, schema = self._learner(stage)
        say = getattr(learner, "objective", None)
        return {} if say is None else say(schema, state)

    def rows(self, stage: str, cohort: Cohort, silo: int) -> tuple[Any, NDArray[np.intp]]:
        """Stage 1: the modality's data of the records that have it. Stage 2: vectors of all records."""
        import numpy as np

        modality = stage.partition(":")[2]
        if not modality:
            return self.stages.encode(cohort, self.models[silo]), np.arange(len(cohort))
        at = np.flatnonzero(cohort.present[modality])
        return cohort.data[modality].take(at), at

    def added(self, stage: str, cohort: Cohort, silo: int) -> tuple[Iterable[State], NDArray[np.intp]]:
        """The learner's own `statistics` of a silo that has this one record, one after the other, clipped as its ledger asks.

        Where counts of fewer than `least` patients do not travel, before they are dropped: alone a record would add nothing.
        """
        import numpy as np

        book = self.stages.ledgers.get(silo)
        ledger: Any = None if book is None else _Unnoised(book.noise)
        learner, schema = self._learner(stage)
        if hasattr(learner, "least"):
            learner = copy.copy(learner)
            learner.least = 1
        rows, at = self.rows(stage, cohort, silo)
        silos = tuple(sorted(self.models))
        ctx = SiloContext(silo, START, 0, rng_for(self.stages.spec.seed, stage, "attack"), schema=schema, silos=silos)
        alone = (LocalShard(rows.take(np.array([i])), np.zeros(1, np.int64), 1.0, stage, ledger) for i in range(len(at)))
        return (learner.statistics(schema, shard.begin(0), replace(ctx, memory={})) for shard in alone), at

    def _learner(self, stage: str) -> tuple[Any, Any]:
        """A stage's learner and its schema."""
        modality = stage.partition(":")[2]
        parts = self.stages.parts
        return (
            (parts.encoders[modality], self.stages.train.schemas[modality]) if modality else (parts.generator, self.stages.space)
        )
