"""What a suite asks of one trial, in full: JSON in, JSON out. Everything in it enters the trial's key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

NOT_HERE = "not here"  # how the reason begins for which trials of an optional cohort that nobody brought are skipped


@dataclass(frozen=True, slots=True)
class Choice:
    """A component chosen in a suite: its name and the parameters written there."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stop:
    """A stage ends when patients who are held in say that it gets no better.

    by: their mean "loss", of the learner's own objective in either stage, or "score", the energy score of what the generator draws.
    better: by which share of the best check so far another has to be lower. patience: checks without that; every: rounds between
    checks. share: of a silo's training patients, whom the stage does not train on. clip: the most that one adds under privacy.
    """

    by: Literal["loss", "score"]
    better: float
    patience: int = 3
    every: int = 1
    share: float = 0.1
    clip: float | None = None

    @classmethod
    def of(cls, stop: Mapping[str, Any] | None) -> Stop | None:
        """Of a budget's `stop`; None where that looks at no patient."""
        for by in ("loss", "score"):
            if stop and by in stop:
                return cls(by, stop[by], **{key: value for key, value in stop.items() if key != by})
        return None

    def due(self, round: int, begins: int, last: int) -> bool:
        """Whether patients are asked after so many rounds, of at most `last`; begins: rounds after which it has a meaning."""
        return round == last or (round > begins and (round - begins) % self.every == 0)

    def checks(self, begins: int, last: int) -> int:
        """At most so often."""
        return sum(self.due(round, begins, last) for round in range(1, last + 1))


@dataclass(frozen=True, slots=True)
class Adjust:
    """Once in stage 2, patients who are held in say which class they recognise least in what is drawn; it is then drawn more often.

    after: share of the rounds before they are asked. times: how much more often that class's patients are in a batch from then on, others
    so much less that batches stay as large. margin: how far its recall has to lie below that of all others. share: of a silo's training
    patients, whom stage 2 does not train on.
    """

    after: float = 0.5
    times: float = 3.0
    margin: float = 0.05
    share: float = 0.2

    @classmethod
    def of(cls, adjust: Mapping[str, Any] | None) -> Adjust | None:
        """Of a budget's `adjust`."""
        return None if adjust is None else cls(**adjust)

    def at(self, last: int) -> int:
        """The round after which they are asked, of `last`: never the last one."""
        return min(max(round(self.after * last), 1), last - 1)

    def due(self, round: int, begins: int, last: int) -> bool:
        """Whether they are asked after so many rounds."""
        return round == self.at(last)

    def checks(self, begins: int, last: int) -> int:
        """Once, whatever is trained."""
        return 1


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a method may train; rounds 0: what the exchanged statistics alone give.

    encoder_*: of stage 1, whose steps and rate are stage 2's where None. stop: {"consensus": 1e-3} ends a stage when released
    weights move less than that; {"loss": 0.01, ...} or {"score": 0.01, ...}: see `Stop`. adjust: see `Adjust`.
    """

    rounds: int = 15
    local_steps: int = 20
    sampling_rate: float = 0.1
    encoder_rounds: int = 8
    evaluate_every: int | None = None
    stop: Mapping[str, Any] | None = None
    encoder_local_steps: int | None = None
    encoder_sampling_rate: float | None = None
    adjust: Mapping[str, float] | None = None

    @property
    def stage1(self) -> dict[str, Any]:
        """What stage 1 uses of it, under the names that enter its key."""
        return {
            "encoder_rounds": self.encoder_rounds,
            "local_steps": self.local_steps if self.encoder_local_steps is None else self.encoder_local_steps,
            "sampling_rate": self.sampling_rate if self.encoder_sampling_rate is None else self.encoder_sampling_rate,
            "stop": None if self.stop and "score" in self.stop else self.stop,
        }


@dataclass(frozen=True, slots=True)
class Privacy:
    """A patient-level budget for one silo over the whole trial. `secure`: noise and samples of the system's generator, not repeatable;
    without it epsilon is simulated.

    delta: 0 until the cohort is known, then the largest power of ten below 1 / n^1.1 for its n patients. balanced: the generator draws each class at a rate of its own, so that all are as frequent; charged at the largest.
    statistics: share of epsilon for moments and counts, where steps are taken too. public_sizes: numbers of patients a silo, label
    and modality are declared public, and a patient's absence is not hidden (zero-out adjacency); else they are counted with noise,
    which is charged (add/remove). colluding: silos share the noise of sums that are added up under masks, and epsilon holds
    against so many of them who tell each other theirs; None: each adds all of it.
    """

    epsilon: float
    delta: float = 0.0
    clip: float = 1.0
    secure: bool = False
    balanced: bool = False
    statistics: float = 0.5
    public_sizes: bool = False
    colluding: int | None = None

    @property
    def noise(self) -> Literal["secure", "simulated"]:
        return "secure" if self.secure else "simulated"


@dataclass(frozen=True, slots=True)
class Audit:
    """Made-up patients whose membership is guessed afterwards. `sabotage`: the fault that the audit is to find.

    chosen: of all that can be made "any", or those with the most "influence".
    """

    canaries: int
    sabotage: str = "none"
    chosen: str = "any"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at some silos in the rounds since..until - 1 (None: to the end) of stage 1, of stage 2, or of both.

    silos: names, how many the seed draws, or "all". params: the kind's own.
    """

    kind: str
    silos: int | Literal["all"] | tuple[str, ...]
    since: int = 0
    until: int | None = None
    stage: Literal[1, 2, "both"] = 2
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class External:
    """A generator made elsewhere, in the place of encoders, generator and federation: a command, or what one has left already.

    command: its words; {python}, {train}, {out}, {seed} and {n} are filled in. env: variables; files: what else its numbers depend
    on; peer: the recipe of `peers/` whose interpreter {python} is, and whose command it is where none is written; release: a
    folder of {dataset}, {seed} and {silo}. limit_seconds: by the clock, for one silo. folder: where relative names begin.
    """

    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    peer: str = ""
    release: str = ""
    limit_seconds: float = 600.0
    folder: str = ""


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """One trial: dataset x method x seed. JSON in, JSON out; a trial's subprocess needs nothing else.

    encoders: modality name -> choice. silos: silo name -> overrides. control: in the place of the generator; of one without
    a topology nothing is trained, nor of what is `external`, whose silos share nothing.

    device: the kind of what trains and samples: cpu, cuda or mps. encoder_aggregator: how encoders merge, None: as the generator does.
    final: all patients train, nobody is held out, and nothing that needs held-out patients is measured.
    """

    dataset: Choice
    dataset_name: str
    method: str
    seed: int
    partition: Mapping[str, Any]
    encoders: Mapping[str, Choice]
    generator: Choice | None
    topology: Choice | None
    aggregator: Choice | None
    budget: Budget
    metrics: tuple[Choice, ...]
    privacy: Privacy | None = None
    silos: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    control: Choice | None = None
    frames: bool = False
    holdout: float = 0.0
    tuning: bool = False
    limit_seconds: float = 600.0
    audit: Audit | None = None
    faults: tuple[Fault, ...] = ()
    device: str = "cpu"
    encoder_aggregator: Choice | None = None
    external: External | None = None
    final: bool = False

    @property
    def id(self) -> str:
        return f"{self.dataset_name}/{self.method}/{self.seed}"

    @property
    def merging(self) -> dict[int, Choice]:
        """Stage -> how its models merge; empty for a control."""
        if self.aggregator is None:
            return {}
        return {1: self.encoder_aggregator or self.aggregator, 2: self.aggregator}

    @property
    def scene(self) -> dict[str, Any]:
        """What its patients and their split depend on, as JSON: trials that are alike in it share a cohort, loaded and split."""
        same = {"dataset": asdict(self.dataset), "seed": self.seed, "holdout": self.holdout, "tuning": self.tuning}
        same |= {"final": True} if self.final else {}
        if self.audit is None:
            return same
        return same | {"canaries": self.audit.canaries, "chosen": self.audit.chosen, "modalities": list(self.encoders)}

    @property
    def side(self) -> dict[str, Any]:
        """What the metrics' view of real patients depends on, as JSON: trials that are alike in it share what is measured of them.

        In an audit canaries are dealt over the silos, so there the partition is part of it.
        """
        same = self.scene | {"modalities": list(self.encoders)}
        return same | ({"partition": dict(self.partition), "audit": asdict(self.audit)} if self.audit else {})

    @property
    def trains(self) -> bool:
        """Whether anything is learnt here: a bare control learns nothing; one through encoders has these and a topology."""
        return self.external is None and (self.control is None or self.topology is not None)

    @property
    def role(self) -> str:
        """control: a known fault; external: made elsewhere; decoded: encoders alone, which pass real patients on; else method."""
        if self.external:
            return "external"
        return "control" if self.control else "method" if self.generator else "decoded"
