"""The Protocols that plug-ins implement and the two views of private data they are handed: `Shard` and `Evidence`.

A component's constructor is its parameter schema: keyword parameters with defaults, builtins, `Literal` or `Annotated`,
stored under the same names and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from fpmg_bench.datasets import About, Dataset, Form, Part, Remote

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn, optim

    from fpmg_bench.types import (
        Charges,
        Cohort,
        ModalityData,
        Moments,
        Representation,
        Rng,
        Scale,
        Schema,
        Score,
        SiloContext,
        Space,
        State,
        Step,
        StepLog,
        Update,
    )

    PerExample = Callable[[nn.Module, Any], Tensor]
    Public = Callable[[nn.Module], Tensor]

__all__ = [
    "About",
    "Aggregator",
    "Dataset",
    "Encoder",
    "Evidence",
    "Form",
    "Generator",
    "Learner",
    "Metric",
    "Objective",
    "Part",
    "Remote",
    "Shard",
    "Topology",
]


class Shard(Protocol):
    """One silo's training rows behind the privacy boundary: a learner asks for steps, moments and counts, never for rows.

    Patients are sampled (Poisson); each sampled patient brings one record, drawn anew. The same call is an ordinary
    optimiser step, or DP-SGD that charges the silo's ledger.
    """

    @property
    def patients(self) -> int:
        """Number of training patients (declared public)."""
        ...

    @property
    def private(self) -> bool:
        """True under differential privacy."""
        ...

    @property
    def balanced(self) -> bool:
        """True where steps draw rare classes more often, so that every class is as frequent in a batch."""
        ...

    @property
    def noise(self) -> float:
        """Standard deviation of the noise in `counts`, in units of its clip: public, for post-processing; 0 without privacy."""
        ...

    def prepared(self, name: str, features: Callable[[Any], Mapping[str, Tensor]]) -> Shard:
        """The same shard whose batches are `features(rows)`: tensors with one leading row a record, kept; under privacy as rows are drawn.

        `features` maps the modality's data (stage 1) or a `Representation` (stage 2) row by row; it must not mix rows.
        """
        ...

    def step(
        self,
        module: nn.Module,
        optimizer: optim.Optimizer,
        private_loss: PerExample,
        public_loss: Public | None = None,
    ) -> StepLog:
        """One optimiser step. private_loss(module, batch) -> losses [batch], row by row; public_loss(module) touches no rows.

        batch: what `prepared` made (a mapping of tensors), on the device of the module's parameters, or the raw rows where
        nothing was prepared.
        """
        ...

    def moments(self, features: Callable[[Any], Tensor], clip: float, *, full: bool = True) -> Moments:
        """Mean and second moment of features(rows) [n, d], a patient's records sharing a weight of 1.

        Under privacy each row is clipped to L2 norm `clip`. full=False gives only the diagonal of the second moment.
        """
        ...

    def counts(self, bins: Callable[[Any], Tensor], clip: float) -> Tensor:
        """Sum over patients of bins(rows) [n, k], dense or sparse (COO), float64 [k]; under privacy rows are clipped to L2 norm `clip`."""
        ...


@dataclass(frozen=True, slots=True)
class Objective:
    """What a learner's steps on real rows minimise, as whoever holds its weights can evaluate it.

    module: with the state's weights; loss(module, batch) -> losses [n], row by row, differentiable in the module's parameters
    and in the batch; features(rows) -> the batch of a modality's data or of a `Representation`.
    """

    module: nn.Module
    loss: PerExample
    features: Callable[[Any], Mapping[str, Tensor]]


class Learner(Protocol):
    """Whatever is learnt from patients: encoders and generators share one round loop, one ledger, one byte meter.

    Devices: all that comes in and goes out is on the CPU. `train` puts its modules on `ctx.device`, `encode`, `decode` and `sample`
    on their optional keyword `device: str = "cpu"`; without these a learner computes on the CPU. `fpmg_bench.devices.drawn` draws.
    Optional: `objective(schema, state) -> Mapping[str, Objective]`, one for each module of `state` that is trained on real rows.
    Attacks by loss and by gradient need it; a learner without it is not attacked that way, and the report says so.
    Budgets may stop by the mean of these losses over patients held in (`stop: {loss: ...}`), but not where it says `adversarial = True`: a
    duel's loss falls and rises whatever is drawn. Optional: `begins(schema) -> int`, rounds before which no check has a meaning.
    Optional: `private_losses`, the values of its parameter `loss` that DP-SGD can train, and of an encoder `not_private(schema) -> str`,
    why DP-SGD cannot train it on such records ("" where it can): `plan` refuses what has no private form.
    Optional: `additive = True`: what `statistics` gives is linear in the shard's moments and counts, and the silo keeps nothing of them
    that it sends later, so that silos may share the noise of the total (`privacy: colluding`).
    Optional: `travels`, first word of modules' names -> "mean" (averaged by patients, whatever the aggregator is) or "relay" (not merged:
    each silo's stay its own, `train` keeps them in `ctx.memory`, where the next round finds the others' as "from.<silo>.<module>/<name>").
    Optional: `undefined() -> str`, why its parameters do not fit together ("" where they do): `plan` refuses it.
    Optional: a parameter `least`: counts of fewer patients of a silo are dropped before they travel. `Evidence.added` says what a
    record adds before that.
    """

    rounds: int | None  # None: the suite's budget; 0: statistics suffice

    def charges(self, schema: Any, steps: int) -> Charges:
        """Accesses to private rows of the whole run, given the silo's total number of local steps."""
        ...

    def statistics(self, schema: Any, shard: Shard, ctx: SiloContext) -> State:
        """{} or exact sums over this silo's rows; the sums over all holders reach `init`."""
        ...

    def init(self, schema: Any, stats: State, rng: Rng) -> State:
        """The starting state, the same at every silo that got the same statistics. Keys: "<module>/<name>"."""
        ...

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        """One silo, one round of `ctx.steps` local steps. `state` is not modified."""
        ...


class Encoder(Learner, Protocol):
    """Stage 1 and 3: one modality's records to vectors and back. Its schema is the modality's `Schema`.

    Optional, for a generator too: `fingerprint() -> str`, the content of what its parameters name outside themselves (a file of
    weights); it enters the keys, so that other weights under the same name are another trial.
    """

    kinds: ClassVar[frozenset[str]]
    dim: int

    def encode(self, schema: Schema, state: State, data: Any) -> Tensor:
        """Vectors [n, dim] float32 of the records."""
        ...

    def decode(self, schema: Schema, state: State, z: Tensor) -> ModalityData:
        """Records from vectors [n, dim], valid under the schema."""
        ...


class Generator(Learner, Protocol):
    """Stage 2: the joint distribution of the vectors, given the conditions. Its schema is the `Space`."""

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng) -> Representation:
        """One synthetic record a row of condition [n, c] (class index, flag or number a column)."""
        ...


class Topology(Protocol):
    """Who sends what to whom in a round. Nodes: silos 0.., the server -1, hubs -2, -3, ...

    Optional: `messages_masked(silos) -> int`, how many of `messages` are under secure aggregation (8 bytes a number), where some are.
    """

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        """The steps of one round among these silos."""
        ...

    def messages(self, silos: int) -> int | None:
        """Closed form: model messages a round among n silos. Checked against the meter every round; None: no closed form."""
        ...


class Aggregator(Protocol):
    """How a node merges models. `needs`: "individual" excludes secure aggregation; `uses_own`: the result depends on `own`.

    Optional: `weighs_equally = True`: the sum that it needs has equal weights, not patients'.
    Optional: `withstands(models) -> int`, how many liars among so many models it is proven for, whatever they send and whatever
    weight they claim: the result stays near the honest models. 0: none; without the method: measured only. A parameter `liars`,
    where there is one, is the number that it is set for.
    """

    needs: ClassVar[Literal["sum", "individual"]]
    uses_own: ClassVar[bool]

    def min_inputs(self) -> int:
        """The fewest models it is defined on, the merging silo's own included. Below, a silo keeps its model."""
        ...

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The merged vector [d]. inputs [m, d] by ascending origin, weights [m] sum to 1, reference [d]: the node's model

        before this round's training; own: its row, None at a server or hub; memory: the node's, changed in place.
        """
        ...


class Evidence(Protocol):
    """All a metric may look at. Cohorts are in data space; silos with identical released weights share one object.

    Everything is shared with other metrics and must stay as it is: arrays are read-only, and a metric that writes into a table fails.
    """

    train: Cohort
    r1: Cohort
    r2: Cohort
    held_out: Cohort
    third: Cohort | None
    silo_names: Sequence[str]
    released: Mapping[int, Cohort]  # silo -> as many records as `train`, its label mixture
    balanced: Mapping[int, Cohort]  # silo -> uniform labels
    rounds: Sequence[Mapping[str, Any]]  # the round records, stage 1 and 2
    bytes: Mapping[str, Any]  # what the meter counted, as in trial.json
    publishable: bool
    widths: Mapping[str, int]  # modality -> size of its encoder's vectors, in the order of `latent`; empty without encoders

    def phi(self, cohort: Cohort, modality: str | None = None) -> NDArray[np.float32]:
        """The frozen evaluation space [n, d]; one modality's block alone if named. Cached."""
        ...

    def phi8(self, cohort: Cohort) -> NDArray[np.float32]:
        """The first 8 principal components (fitted on the training patients) of `phi`."""
        ...

    def nn(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
        """Euclidean distance [len(a)] of each row of a to its nearest row of b; chunked, cached."""
        ...

    def complete(self, cohort: Cohort, modality: str | None = None) -> NDArray[np.bool_]:
        """Records [n] that have this modality, or all of them: only these have a place in `phi`."""
        ...

    def once(self, key: Hashable, make: Callable[[], Any], of: Cohort | None = None) -> Any:
        """What `make` gives, computed once: for what depends on real patients only, or besides on the cohort `of`.

        In whose silo a training patient is belongs to the trial, as do releases: `make` may look at neither, nor draw from the
        metric's stream; whatever else it depends on (parameters, a seed) is in the key.
        """
        ...

    def latent(self, cohort: Cohort, silo: int) -> NDArray[np.float32]:
        """Vectors [n, d] of a silo's released encoders. Raises NotApplicable where the method has none."""
        ...

    def drawn(self, silo: int, size: int | None = None, state: State | None = None) -> NDArray[np.float32]:
        """Vectors [n, d] that a silo's generator drew for its release, record by record, before decoding.

        size: so many others, as whoever holds the model can draw them under the release's conditions, again and again in their
        order; NaN where a modality is absent. state, with a size: tensors in the place of the generator's own, as a message brings them.
        Blocks as in `latent`; one says nothing where the release lacks the modality. Of a control through encoders: its encoded
        records. Raises NotApplicable where the method has no generator.
        """
        ...

    def even(self, size: int) -> Mapping[int, Cohort]:
        """silo -> as many records of its model as that, uniformly labelled; silos with identical weights share one object.

        Raises NotApplicable where the method has no generator.
        """
        ...

    def asked(self, conditions: NDArray[np.float64]) -> Mapping[int, Cohort]:
        """silo -> what its model gives under conditions [n, c] of a metric's own choice, record by record in their order.

        For what patients seldom are, or never were together: a release has it as seldom. Raises NotApplicable where there is no generator.
        """
        ...

    def round_trips(self, members: bool = False) -> Mapping[int, Cohort]:
        """silo -> the held-out patients, record by record, after its own encoders and decoders: what stages 1 and 3 lose.

        members: the training patients, whom encoders may remember. One object for silos with the same encoders. Raises NotApplicable where the method has none.
        """
        ...

    def not_applicable(self, key: str, reason: str, scope: str = "all", modality: str | None = None) -> None:
        """Record that one score has no meaning here, with its reason; the metric's other scores go on."""
        ...

    def each_release(
        self,
        score: Callable[[Cohort], Mapping[str, float] | Iterable[Score]],
        releases: Mapping[int, Cohort] | None = None,
        key: str = "*",
        **same: Any,
    ) -> list[Score]:
        """Scores of every distinct release (of these, or of `released`): the mean over silos (scope "all", interval over patients if given) and each silo.

        key: the score that is not applicable where `score` raises NotApplicable; "*": the whole metric.
        """
        ...

    def model(self, silo: int) -> Mapping[str, State]:
        """The released states of a silo: one a modality's encoder, and "generator"."""
        ...

    def ledger(self, silo: int) -> Mapping[str, Any]:
        """The silo's ledger: entries, epsilon, delta; epsilon is infinite where anything was not accounted."""
        ...

    def frames(self, silo: int) -> Sequence[Mapping[str, Any]]:
        """What the transport delivered to that silo (-1: the server); empty unless the suite asked for frames.

        stage, round, src, origin (whose weights), relayed, masked; state: what was sent; start: the receiver's own model before
        the round, of the same keys. Of round -1, in the place of state, sums: what one silo added to the exchanged statistics (masked: as it
        arrived under masks); or left: the total less the silo's own part, and own: that part.
        """
        ...

    def objectives(self, stage: str, state: State) -> Mapping[str, Objective]:
        """module -> what steps of a stage ("stage1:<modality>", "stage2") on real rows minimise at these weights; {} where it says none."""
        ...

    def rows(self, stage: str, cohort: Cohort, silo: int) -> tuple[Any, NDArray[np.intp]]:
        """What the learner of a stage sees of a cohort's records, by the silo's released encoders, and which records these are."""
        ...

    def again(self, cohorts: Sequence[Cohort], seed: int) -> Evidence:
        """What the same method releases of these patients, in the silos where they are; costs a training. May be NotApplicable."""
        ...

    def added(self, stage: str, cohort: Cohort, silo: int) -> tuple[Iterable[State], NDArray[np.intp]]:
        """What each record alone adds to the sums exchanged before round 0, and which records; under privacy clipped, without noise."""
        ...


class Metric(Protocol):
    """A family of scores. May raise `NotApplicable(reason)`. Optional: `fingerprint`, as an encoder has it.

    Every score's key is one of `scales`, and its value a number in that range; whatever else is returned is the metric's own failure.
    """

    family: ClassVar[str]
    scales: ClassVar[Mapping[str, Scale]]

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]: ...
