"""How a run's trials become processes: each with an interpreter of its own, here, or as forks of warm ones (warm.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fpmg_bench.devices import CPU
from fpmg_bench.runner.child import Child, Own
from fpmg_bench.store import Planned


class Processes(Protocol):
    """Starts trials."""

    def start(self, trial: Planned, log: Path, device: str = CPU, *, again: bool = False) -> Child:
        """Start a trial on a device; its log is begun anew, or (again) goes on after what is there."""
        ...

    def go_on(self, child: Child) -> bool:
        """Whether a trial whose process has ended well goes on in another one, which has been started then."""
        ...

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far of processes that are no trial's, by what they are."""
        ...

    def settle(self, waiting: Iterable[Planned], running: Iterable[Planned]) -> None:
        """End what none of these trials needs."""
        ...

    def close(self) -> None:
        """End all that is left."""
        ...


@dataclass(frozen=True, slots=True)
class Fresh:
    """An interpreter for every trial. command(trial): its argument vector."""

    command: Callable[[Planned], Sequence[str]]

    def start(self, trial: Planned, log: Path, device: str = CPU, *, again: bool = False) -> Child:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab" if again else "wb") as file:
            return Child.of(trial, Own.start(self.command(trial), file, device=device), log, device=device)

    def go_on(self, child: Child) -> bool:
        return False

    def cpu(self) -> dict[str, float]:
        return {}

    def settle(self, waiting: Iterable[Planned], running: Iterable[Planned]) -> None:
        """Nothing outlives a trial."""

    def close(self) -> None:
        """Nothing outlives a trial."""
