"""Silos that are not there, or late."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Gt, Le

from fpmg_bench.faults.kind import Kind

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Crash(Kind):
    """Inactive from round `from` on; with `until` it rejoins in that round, with the weights that it had."""

    def away(self, rng: Rng) -> bool:
        return True


@dataclass(frozen=True)
class Dropout(Kind):
    """Inactive in each round with probability p, independently; it keeps its weights meanwhile."""

    p: Annotated[float, Gt(0), Le(1)] = 0.1

    def away(self, rng: Rng) -> bool:
        import torch

        return float(torch.rand((), generator=rng)) < self.p


@dataclass(frozen=True)
class Straggler(Kind):
    """Late by an exponential time of mean `seconds` in each round. Nothing waits for it here: it is recorded, for the round's duration.

    deadline: seconds that the others wait; a silo that is later misses the round.
    """

    seconds: Annotated[float, Gt(0)] = 60.0
    deadline: Annotated[float, Ge(0)] | None = None

    def delay(self, rng: Rng) -> float:
        return min(self._late(rng), math.inf if self.deadline is None else self.deadline)

    def away(self, rng: Rng) -> bool:
        return self.deadline is not None and self._late(rng) > self.deadline

    def _late(self, rng: Rng) -> float:
        import torch

        return -self.seconds * math.log1p(-float(torch.rand((), generator=rng, dtype=torch.float64)))
