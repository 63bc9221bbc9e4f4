"""A validated suite: frozen, with `extends` and `sweep` resolved. Nodes remember where each value was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from fpmg_bench.devices import CPU
from fpmg_bench.document import Node
from fpmg_bench.spec import Audit, Budget, Choice, External, Fault, Privacy, TrialSpec

COMPONENTS = ("generator", "topology", "aggregator")
OPTIONAL = ("encoder_aggregator",)
METHOD_KEYS = (
    "extends",
    "encoders",
    *COMPONENTS,
    *OPTIONAL,
    "partition",
    "budget",
    "privacy",
    "silos",
    "control",
    "strength",
    "audit",
    "faults",
    "external",
)
MOST_TRIALS = 10_000  # of a plan
NOWHERE = Node(None, 1, 1)


@dataclass(frozen=True)
class DatasetEntry:
    """A cohort of the suite. name: how trials call it (`as`, or the component's own); optional: skipped where missing."""

    choice: Choice
    name: str
    partition: Mapping[str, Any] | None = None
    optional: bool = False
    node: Node = field(default=NOWHERE, repr=False, compare=False)


@dataclass(frozen=True)
class Method:
    """A named combination. encoders: by kind, modality or "dataset/modality"; silos: "SILO" or "dataset/SILO" -> overrides.

    budget: what differs from the suite's. encoder_aggregator: how encoders merge, None: as the generator does.

    generator None: encoders alone. faults None: the suite's. A control has `control` and no generator; encoders, topology and
    aggregator only where its records pass through encoders. What is `external` has none of them but a topology, isolated.
    """

    name: str
    encoders: Mapping[str, Choice] = field(default_factory=dict)
    generator: Choice | None = None
    topology: Choice | None = None
    aggregator: Choice | None = None
    encoder_aggregator: Choice | None = None
    partition: Mapping[str, Any] | None = None
    budget: Mapping[str, Any] = field(default_factory=dict)
    privacy: Privacy | None = None
    silos: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    control: Choice | None = None
    audit: Audit | None = None
    faults: tuple[Fault, ...] | None = None
    external: External | None = None
    node: Node = field(default=NOWHERE, repr=False, compare=False)


@dataclass(frozen=True)
class Limits:
    """trial: CPU seconds after which a trial is killed; on_error: what follows a failed trial.

    memory: bytes that one trial may hold alone; None: four fifths of the machine over the jobs. device: see `fpmg_bench.devices.WORDS`.
    """

    trial: float = 600.0
    on_error: Literal["continue", "stop"] = "continue"
    memory: float | None = None
    device: str = CPU


@dataclass(frozen=True)
class Tune:
    """A study over one method. holdout: share of the patients that tuning may see, and evaluation may not. seeds: how many of the

    suite's seeds a proposal is measured on: one cannot tell a better setting from a luckier start, more cost as many times as much.

    space: "generator.lr" -> {"float": [low, high], "log": true} | {"int": [low, high]} | {"choice": [values]}.
    """

    method: str
    trials: int
    holdout: float
    objectives: tuple[str, ...]
    space: Mapping[str, Mapping[str, Any]]
    seeds: int = 1


@dataclass(frozen=True)
class Suite:
    """All that a run needs besides the plug-ins. text: the file as it was read."""

    version: int
    name: str
    seeds: tuple[int, ...]
    datasets: tuple[DatasetEntry, ...]
    methods: Mapping[str, Method]
    metrics: tuple[Choice, ...]
    partition: Mapping[str, Any]
    budget: Budget = field(default_factory=Budget)
    sweep: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Limits = Limits()
    tune: Tune | None = None
    frames: bool = False
    faults: tuple[Fault, ...] = ()
    source: Path = Path("suite.yaml")
    text: str = field(default="", repr=False)
    node: Node = field(default=NOWHERE, repr=False, compare=False)

    def on(self, device: str) -> Suite:
        """The same suite with another `limits.device`."""
        return replace(self, limits=replace(self.limits, device=device))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A trial that will not run, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a run will do. refusals: combinations that are undefined; skipped: trials of optional cohorts that are missing."""

    trials: tuple[TrialSpec, ...]
    refusals: tuple[Refusal, ...] = ()
    skipped: tuple[Refusal, ...] = ()
