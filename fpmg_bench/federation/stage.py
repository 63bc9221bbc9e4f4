"""One stage of a trial: what was asked of it, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from fpmg_bench.contracts import Shard
from fpmg_bench.devices import CPU
from fpmg_bench.faults import Faults
from fpmg_bench.federation.schedule import Schedule
from fpmg_bench.keys import rng_for
from fpmg_bench.types import SiloContext

if TYPE_CHECKING:
    from fpmg_bench.contracts import Aggregator, Learner, Topology
    from fpmg_bench.federation.layout import Bundle
    from fpmg_bench.federation.record import Exchanged
    from fpmg_bench.transport import Transport
    from fpmg_bench.types import State, Step


class Begun(Shard, Protocol):
    """A shard with its random stream of a round."""

    def shared(self) -> Shard: ...


class SiloShard(Protocol):
    """What the loop asks of a shard besides the learner's view: a fresh random stream for each round."""

    @property
    def patients(self) -> int: ...
    def begin(self, root: int, *path: str | int) -> Begun: ...


@dataclass(frozen=True, slots=True)
class SiloPlan:
    """One silo's local steps a round, its overrides of the learner's parameters, and the modalities that none of its patients has."""

    steps: int
    params: Mapping[str, Any] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """One stage of one trial: who merges how, for how long, from which seed. stop: relative weight change that ends it.

    device: where learners train. shares_noise: silos noise together what they add to the statistics.
    """

    stage: str
    topology: Topology
    aggregator: Aggregator
    rounds: int
    silos: Mapping[int, SiloPlan]
    seed: int
    stop: float | None = None
    faults: Faults = field(default_factory=Faults)
    device: str = CPU
    shares_noise: bool = False
    schedule: Schedule = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", Schedule(self.topology, self.stage, self.seed))

    def steps(self, silos: Sequence[int], round: int) -> Sequence[Step]:
        """The topology's plan of a round among these silos."""
        return self.schedule.steps(silos, round)


@dataclass(slots=True)
class Learning:
    """One learner on the shards of this process: their random streams and contexts, round by round."""

    learner: Learner
    schema: Any
    shards: Mapping[int, SiloShard]
    plan: Plan
    transport: Transport
    named: tuple[int, ...] = ()  # all silos

    def shard(self, silo: int, round: int) -> Shard:
        begun = self.shards[silo].begin(self.plan.seed, self.plan.stage, "silo", silo, "round", round, "shard")
        return begun.shared() if round < 0 and self.plan.shares_noise else begun

    def context(self, silo: int, round: int, memory: State) -> SiloContext:
        own = self.plan.silos[silo]
        rng = rng_for(self.plan.seed, self.plan.stage, "silo", silo, "round", round, "train")
        return SiloContext(silo, round, own.steps, rng, own.params, memory, self.plan.device, self.schema, own.lacks, self.named)


@dataclass(slots=True)
class Standing:
    """The best check so far, the models that it was of, and how many since were no better."""

    value: float
    round: int
    missed: int = 0
    states: dict[int, State] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """All but the models, as JSON."""
        return {"value": self.value, "round": self.round, "missed": self.missed}


@dataclass(slots=True)
class Federated:
    """Where a stage stands after `round` rounds: all that a checkpoint holds. `states` are the silos' released models."""

    states: dict[int, State]
    memories: dict[int, State]
    merging: dict[str, dict[int, State]] = field(default_factory=dict)  # bundle -> node -> the aggregator's memory
    hubs: dict[str, dict[int, Bundle]] = field(default_factory=dict)  # bundle -> server or hub -> its model
    round: int = 0
    done: bool = False
    statistics_bytes: int = 0
    statistics_messages: int = 0
    handover_bytes: int = 0
    handover_messages: int = 0
    key_bytes: int = 0
    key_messages: int = 0
    path: list[int] = field(default_factory=list)  # hops besides the rounds': statistics, keys, hand-over
    best: Standing | None = None  # of the checks so far, where there are any
    latest: Sequence[Exchanged] = ()  # the last round's groups of modules, of this process's silos; no checkpoint holds them
