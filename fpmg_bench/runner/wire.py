"""How a run's silos are joined and its trials kept apart, as the command line says it: options that change no number and enter no key."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal, Self

from fpmg_bench.errors import SuiteError

DEADLINE = 60.0  # seconds a hop
SHORTEST, LONGEST = 0.1, 86_400.0


@dataclass(frozen=True, slots=True)
class Wire:
    """kind: all silos in one process, or one process a silo. deadline: seconds a hop; on_dead: what a silo's death ends.

    isolate: trials as forks of warm processes, where the system forks safely and silos share a process, or each with an interpreter
    of its own.
    """

    kind: Literal["inproc", "gloo"] = "inproc"
    deadline: float = DEADLINE
    on_dead: Literal["stop", "close-ring"] = "stop"
    isolate: Literal["warm", "fresh"] = "warm"

    def __post_init__(self) -> None:
        if not SHORTEST <= self.deadline <= LONGEST:  # nan is in no range
            raise SuiteError(f"--deadline {self.deadline:g}: {SHORTEST:g} to {LONGEST:g} seconds a hop", "--deadline 60")

    @property
    def warm(self) -> bool:
        """Whether trials are forks."""
        return self.isolate == "warm" and self.kind == "inproc" and sys.platform.startswith("linux")

    def words(self) -> list[str]:
        """For the command line of a trial's subprocess."""
        return [] if self.kind == "inproc" else [self.kind, str(self.deadline), self.on_dead]

    @classmethod
    def of(cls, words: list[str]) -> Self:
        """The reverse of `words`."""
        if not words:
            return cls()
        kind, deadline, on_dead = words
        return cls(kind, float(deadline), on_dead)  # type: ignore[arg-type]
