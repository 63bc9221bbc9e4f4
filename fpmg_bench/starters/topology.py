"""Who sends to whom: each silo to the next ones on a ring, which merge what they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpmg_bench.types import Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


class Mine:
    """reach: to how many silos after itself each one sends."""

    def __init__(self, reach: int = 2) -> None:
        self.reach = reach

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        """One step, in which all send at once; whoever gets models merges them with its own by the aggregator."""
        n = len(silos)
        reach = min(self.reach, n - 1)
        return [Step(tuple(Transfer(silos[i], silos[(i + k) % n]) for i in range(n) for k in range(1, reach + 1)))]

    def messages(self, silos: int) -> int:
        return silos * min(self.reach, silos - 1)
