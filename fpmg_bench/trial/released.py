"""What training hands to measuring, and what a trial hands to its sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.audit.finding import Finding
    from fpmg_bench.evaluation.evidence import Made, Measured
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.attacked import Trained
    from fpmg_bench.types import Cohort, State


@dataclass(frozen=True, slots=True)
class Released:
    """What came of a trial's training: the release, and all that an attacker or a metric may ask of how it was made.

    records, balanced: silo -> cohort, now or when first asked for. models: silo -> modality | "generator" -> state. ledgers: silo
    -> its summary. frames: silo -> what it received, where recorded. bytes, plumbing: those entries of trial.json. encode(silo,
    cohort): vectors [n, d]. drawn(silo): the vectors [n, d] that its records were decoded from; more(silo, size, state):
    others, with these tensors of the generator. even(size): as `balanced`, of so many records. asked(conditions): silo -> records of
    these [n, c], in their order. again(cohorts, seed): trained anew. round_trip(), member_trip(): silo ->
    held-out, training patients, encoded and decoded. widths: modality -> dimensions.
    """

    records: Made
    balanced: Made = field(default_factory=dict)
    rounds: Sequence[Mapping[str, Any]] = ()
    models: Mapping[int, Mapping[str, State]] = field(default_factory=dict)
    ledgers: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    frames: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    bytes: Mapping[str, Any] = field(default_factory=dict)
    plumbing: Sequence[Mapping[str, Any]] = ()
    encode: Callable[[int, Cohort], NDArray[np.float32]] | None = None
    drawn: Callable[[int], NDArray[np.float32]] | None = None
    more: Callable[[int, int, State], NDArray[np.float32]] | None = None
    even: Callable[[int], Mapping[int, Cohort]] | None = None
    asked: Callable[[NDArray[np.float64]], Mapping[int, Cohort]] | None = None
    again: Callable[[Sequence[Cohort], int], Measured] | None = None
    round_trip: Callable[[], Mapping[int, Cohort]] | None = None
    member_trip: Callable[[], Mapping[int, Cohort]] | None = None
    widths: Mapping[str, int] = field(default_factory=dict)
    learners: Trained | None = None


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the training went, for trial.json. privacy: None where nothing is claimed; graph, faults, external: {} where there are none."""

    privacy: Mapping[str, Any] | None = None
    transport: Mapping[str, Any] = field(default_factory=dict)
    graph: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, Any] = field(default_factory=dict)
    external: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a finished trial says. people: counts of real records and patients, the only thing of theirs; cost: time and memory.

    equal: modality -> of how many real patients a value was released, see `audit.equality`.
    """

    spec: TrialSpec
    people: Mapping[str, Any]
    released: Released
    conduct: Conduct
    audit: Finding | None
    scores: Sequence[Mapping[str, Any]]
    cost: Mapping[str, Any]
    equal: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """trial.json, but what the sink adds."""
        spec, conduct = self.spec, self.conduct
        said = {name: getattr(conduct, name) for name in ("transport", "graph", "faults", "external")}
        return {
            "id": spec.id,
            "dataset": spec.dataset_name,
            "method": spec.method,
            "role": spec.role,
            "seed": spec.seed,
            "spec": asdict(spec),
            **self.people,
            "plumbing": list(self.released.plumbing),
            "bytes": dict(self.released.bytes),
            "privacy": conduct.privacy,
            **{name: entry for name, entry in said.items() if entry},
            **({"audit": self.audit.record()} if self.audit else {}),
            **({"equal": dict(self.equal)} if self.equal else {}),
            "scores": list(self.scores),
            **self.cost,
        }
