"""Tracing in received models: whose averages are in what a model draws that somebody received on its way? (`attacks.tracing`)

The released model is an average over rounds and silos; a received one is nearer to the silo that sent it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.attacks import trace_scores
from fpmg_plugins.metrics.privacy.neighbour.membership import JOINT
from fpmg_plugins.metrics.privacy.neighbour.worst import Answer, Attack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import State
    from fpmg_plugins.metrics.privacy.neighbour.membership import Asking
    from fpmg_plugins.metrics.privacy.neighbour.views import Sight, Views
    from fpmg_plugins.metrics.privacy.neighbour.worst import Answers

    Floats = NDArray[np.floating[Any]]
    Looks = Mapping[str, Floats]  # resolution -> [p]

TRACE, STAGE = "trace", "stage2"


def answers(evidence: Evidence, seen: Views, silos: Sequence[Asking]) -> Answers:
    """Every adversary's tracing, a resolution an attack, in the models of the first and the last round that it looks at."""
    found: dict[Attack, dict[int, Answer]] = {}
    try:
        for one in silos:
            kept: dict[Hashable, Looks] = {}
            for (adversary, victim), stages in seen.items():
                if victim == one.people.silo and STAGE in stages:
                    for look, answer in _asked(one, stages[STAGE], kept):
                        found.setdefault(Attack(adversary, STAGE, look, JOINT, TRACE), {})[victim] = answer
    except NotApplicable as missing:
        evidence.not_applicable("neighbour.trace", missing.reason)
    return found


def _asked(one: Asking, sights: Sequence[Sight], kept: dict[Hashable, Looks]) -> Iterator[tuple[str, Answer]]:
    """kept: what was asked of the very same tensors."""
    there = [sight.round for sight in sights]
    rounds = sorted({min(there), max(there)})
    each = [[_traced(one, model, kept) for model in together([s for s in sights if s.round == r])] for r in rounds]
    for look in each[0][0]:
        yield look, Answer(one.people, rounds, np.stack([np.mean([model[look] for model in models], axis=0) for models in each]))


def together(sights: Sequence[Sight]) -> list[list[Sight]]:
    """The models received in one round: modules that travelled apart are of one."""
    models: list[list[Sight]] = []
    for sight in sights:
        lacking = (model for model in models if not any({*sight.modules} & {*part.modules} for part in model))
        model = next(lacking, None)
        if model is None:
            models.append(model := [])
        model.append(sight)
    return models


def _traced(one: Asking, model: Sequence[Sight], kept: dict[Hashable, Looks]) -> Looks:
    key = tuple(sight.key for sight in model)
    if key not in kept:
        evidence, silo = one.evidence, one.people.silo
        state: State = {name: tensor for sight in model for name, tensor in sight.state.items()}
        cohorts = evidence.train, evidence.held_out
        patient = np.concatenate([cohort.patient for cohort in cohorts])
        looks = trace_scores.model(evidence, cohorts, evidence.released[silo], silo, state)
        kept[key] = {look: one.people.of_patients(score, patient) for look, score in looks.items()}
    return kept[key]
