"""Steps 4 to 6: train, or take over what was trained under the same key. Whoever trains holds training patients only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.transport import Inproc
from fpmg_bench.trial import account, faulted
from fpmg_bench.trial.cost import Clock, cost
from fpmg_bench.trial.release import Recipe
from fpmg_bench.trial.requested import Law, mixture
from fpmg_bench.trial.sizes import by_silo, labels
from fpmg_bench.trial.stages import Stages
from fpmg_bench.trial.vectors import space_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.federation import Federated
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.parts import Parts, Sink
    from fpmg_bench.trial.prepared import Training
    from fpmg_bench.types import State

Models = Mapping[int, Mapping[str, "State"]]  # silo -> modality | "generator" -> state
Train = Callable[[Stages], tuple[Any, dict[str, Any]]]  # released models, and what `Stages.take_over` takes over
Frames = Mapping[int, Sequence[Mapping[str, Any]]]
Look = Callable[[Models, "NDArray[np.float64]", Sequence[Mapping[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of training. models: of every silo, also of those that lie or died; frames: silo -> what it received, where recorded."""

    stages: Stages
    models: Models
    frames: Frames = field(default_factory=dict)

    @property
    def measured(self) -> Models:
        """The models of honest living silos: what is released and looked at."""
        return faulted.measured(self.stages.faults, self.models, *faulted.last_round(self.stages.sink.rounds, self.stages))


def opened(spec: TrialSpec, parts: Parts, training: Training, sink: Sink) -> Stages:
    """Stages of which nothing is trained yet, with calibrated ledgers."""
    space, known = space_of(training.train, parts), sink.trained_extra.get("noises")
    ledgers = account.open_ledgers(spec, parts, training.silos, training.train, space, known)
    transport = Inproc(record=spec.frames)
    return Stages(spec, parts, training.train, training.silos, ledgers, transport, sink, audited=training.audited)


def recalled(stages: Stages, frames: Frames | None, clock: Clock) -> Learnt | None:
    """What an earlier process trained under this key; None where none did, or where its frames, which no disk keeps, are gone (None)."""
    kept, extra = stages.sink.trained(), stages.sink.trained_extra
    if kept is None or (stages.spec.frames and frames is None):
        return None
    stages.take_over(extra)
    stages.secrets.forget()
    clock.before = extra.get("cost", {})
    return Learnt(stages, {int(silo): dict(parts) for silo, parts in kept.items()}, frames or {})


def learn(stages: Stages, clock: Clock, train: Train | None = None, look: Look | None = None) -> Learnt:
    """Train both stages and save them. train: does so elsewhere, where weights travel at all; look: see `_watch`."""
    spec, sink = stages.spec, stages.sink
    if train is not None and spec.partition.get("kind") != "pooled":
        with clock("ranks"):
            models, extra = train(stages)
        stages.take_over(extra)
    else:
        models = _trained(stages, clock, look)
    learnt = Learnt(stages, models, _frames(stages))
    extra = stages.extra() | {"cost": cost(clock), "noises": account.noises(stages.ledgers)}
    sink.save_trained(models, extra | ({"recipe": recipe(learnt).to_json()} if stages.parts.generator else {}))
    stages.secrets.forget()
    return learnt


def recipe(learnt: Learnt) -> Recipe:
    """What it takes to draw further releases where nobody holds a patient."""
    stages = learnt.stages
    out = faulted.excluded(stages.faults, *faulted.last_round(stages.sink.rounds, stages))
    names = {silo.index: silo.name for silo in stages.silos if silo.index not in out}
    return Recipe(
        stages.train.only(tuple(stages.parts.encoders)),
        Law.of(stages.train, stages.conditions),
        by_silo(stages.train, stages.silos, stages.sizes),
        names,
    )


def _frames(stages: Stages) -> Frames:
    frames: Frames = getattr(stages.transport, "frames", {})
    return frames


def _trained(stages: Stages, clock: Clock, look: Look | None) -> dict[int, dict[str, State]]:
    with clock("stage1"):
        encoders = stages.encoders()
    if stages.parts.generator is None:
        return encoders
    with clock("stage2"):
        generators = stages.generator(encoders, _watch(stages, encoders, look))
    return {silo: encoders[silo] | {"generator": state} for silo, state in generators.items()}


def _watch(stages: Stages, encoders: Mapping[int, Mapping[str, State]], look: Look | None) -> Any:
    """`evaluate_every`: the rows of `look` on what the silos would release now; the last round too. Stored in the round's record."""
    every = stages.spec.budget.evaluate_every
    rounds = account.rounds_of(stages.parts.generator, stages.spec.budget.rounds) if stages.parts.generator else 0

    def watch(record: dict[str, Any], now: Federated) -> None:
        last = now.done or now.round == rounds
        if look is None or not every or (now.round % every and not last):
            return
        models = {silo: {**encoders[silo], "generator": state} for silo, state in now.states.items()}
        models = faulted.measured(stages.faults, models, record["stage"], record["round"])
        rows = look(models, requested(stages), [*stages.sink.rounds, record])
        record["scores"] = [row | {"round": record["round"]} for row in rows]

    return watch


def requested(stages: Stages, how: Any = mixture) -> NDArray[np.float64]:
    """Step 7, first half: the conditions that a release is asked for."""
    asked: NDArray[np.float64] = how(stages.train, labels(stages.train, stages.sizes), stages.spec.seed, stages.conditions)
    return asked
