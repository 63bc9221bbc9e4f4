"""What a trial is handed: its components, and the sink that keeps what it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from fpmg_bench.devices import CPU
from fpmg_bench.privacy.secrets import Memory

if TYPE_CHECKING:
    from fpmg_bench.contracts import Aggregator, Dataset, Encoder, Generator, Metric, Topology
    from fpmg_bench.privacy.secrets import Kept
    from fpmg_bench.types import Cohort, State


@dataclass(frozen=True, slots=True)
class Parts:
    """Built components. encoders: by modality; metrics: by the name in the suite; for a control only dataset and metrics.

    device: where encoders and generator compute. trusted: those of other distributions that run where training patients are.
    """

    dataset: Dataset
    metrics: Mapping[str, Metric]
    encoders: Mapping[str, Encoder] = field(default_factory=dict)
    generator: Generator | None = None
    topology: Topology | None = None
    aggregator: Aggregator | None = None
    encoder_aggregator: Aggregator | None = None  # where encoders merge otherwise
    device: str = CPU
    trusted: tuple[str, ...] = ()
    folder: Callable[[str, str], Dataset] | None = (
        None  # reads what was made elsewhere: (folder, cohort.yaml) -> the cohort there
    )


class Point(Protocol):
    """Where a stage stood at a checkpoint."""

    @property
    def round(self) -> int: ...
    @property
    def states(self) -> Mapping[int, State]: ...
    @property
    def memories(self) -> Mapping[Any, Any]: ...
    @property
    def extra(self) -> Mapping[str, Any]: ...


class SharedStage(Protocol):
    """Stage 1 as another trial with the same key left it."""

    @property
    def states(self) -> Mapping[int, Mapping[str, State]]: ...
    @property
    def extra(self) -> Mapping[str, Any]: ...


class Sink(Protocol):
    """Where a trial's events, rounds, states and results go. Real patients' rows never do."""

    @property
    def rounds(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def trained_extra(self) -> Mapping[str, Any]: ...
    @property
    def scores(self) -> Mapping[str, Sequence[dict[str, Any]]]: ...  # metric -> its rows, as they are on disk
    @property
    def ended(self) -> Mapping[str, tuple[str, str]]: ...  # metric -> (status, reason), where an earlier process ended in it

    @property
    def noise(self) -> Kept: ...  # the key of secure noise, which outlives an interruption

    def event(self, record: Mapping[str, Any]) -> None: ...
    def round(self, record: Mapping[str, Any]) -> None: ...
    def load_stage1(self) -> SharedStage | None: ...
    def save_stage1(self, states: Mapping[int, Mapping[str, State]], extra: Mapping[str, Any]) -> None: ...
    def checkpoint(
        self, stage: str, round: int, states: Mapping[int, State], memories: Mapping[Any, Any], extra: Mapping[str, Any]
    ) -> bool: ...
    def restore(self, stage: str) -> Point | None: ...
    def trained(self) -> dict[Any, Any] | None: ...
    def save_trained(self, states: Mapping[Any, Any], extra: Mapping[str, Any] | None = None) -> None: ...
    def synthetic(self, cohort: Cohort, silo: str) -> None: ...
    def ledger(self, ledger: Mapping[str, Any]) -> None: ...
    def keep_scores(self, metric: str, rows: Sequence[Mapping[str, Any]]) -> None: ...
    def finish(self, result: Mapping[str, Any]) -> None: ...


class Nowhere:
    """A sink that keeps nothing but the rounds: of a training that is nobody's trial."""

    def __init__(self) -> None:
        self.rounds: list[Mapping[str, Any]] = []
        self.trained_extra: Mapping[str, Any] = {}
        self.scores: Mapping[str, Sequence[dict[str, Any]]] = {}
        self.ended: Mapping[str, tuple[str, str]] = {}
        self.noise = Memory()

    def round(self, record: Mapping[str, Any]) -> None:
        """Early stopping looks back at them."""
        self.rounds.append(record)

    def event(self, record: Mapping[str, Any]) -> None: ...
    def load_stage1(self) -> None: ...
    def save_stage1(self, states: Mapping[int, Mapping[str, State]], extra: Mapping[str, Any]) -> None: ...
    def checkpoint(
        self, stage: str, round: int, states: Mapping[int, State], memories: Mapping[Any, Any], extra: Mapping[str, Any]
    ) -> bool:
        return False

    def restore(self, stage: str) -> None: ...
    def trained(self) -> None: ...
    def save_trained(self, states: Mapping[Any, Any], extra: Mapping[str, Any] | None = None) -> None: ...
    def synthetic(self, cohort: Cohort, silo: str) -> None: ...
    def ledger(self, ledger: Mapping[str, Any]) -> None: ...
    def keep_scores(self, metric: str, rows: Sequence[Mapping[str, Any]]) -> None: ...
    def finish(self, result: Mapping[str, Any]) -> None: ...
