"""What an attacker can evaluate: a stage's loss at any weights of it, on records as the stage's learner sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Objective
    from fpmg_bench.trial.stages import Stages
    from fpmg_bench.types import Cohort, State


@dataclass(frozen=True, slots=True)
class Trained:
    """`evaluation.evidence.Learners` of one trial. models: silo -> modality | "generator" -> state."""

    stages: Stages
    models: Mapping[int, Mapping[str, State]]

    def objectives(self, stage: str, state: State) -> Mapping[str, Objective]:
        """The learner's own `objective`, where it has one."""
        modality = stage.partition(":")[2]
        learner: Any = self.stages.parts.encoders[modality] if modality else self.stages.parts.generator
        schema = self.stages.train.schemas[modality] if modality else self.stages.space
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
