"""The ring: FPMG's relay, and gossip with the k nearest neighbours on each side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fpmg_bench.types import Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Ring:
    """relay: every silo receives and relays every weight once, n(n-1) messages a round (FPMG).

    merge: "each" merges at every reception, "last" only after the last one; both end with the same model.
    relay=False: gossip with neighbours i-hops..i+hops and Metropolis weights (D-PSGD, Lian et al. 2017), n min(2 hops, n-1)
    messages. one_way: only from i-1 to i, weights 1/2.
    A plain ring has vertex connectivity 2: robustness of gossip on it is measured, not guaranteed.
    """

    relay: bool = True
    merge: Literal["each", "last"] = "each"
    hops: int = 1
    one_way: bool = False

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        if len(silos) < 2:
            return []
        return self._relay(silos) if self.relay else [self._gossip(silos)]

    def messages(self, silos: int) -> int:
        if silos < 2:
            return 0
        if self.relay:
            return silos * (silos - 1)
        return silos * (1 if self.one_way else min(2 * self.hops, silos - 1))

    def inputs(self, silos: int) -> int:
        """Models that a merge sees, the silo's own included."""
        return silos if self.relay else 1 + (self.messages(silos) // silos if silos > 1 else 0)

    def _relay(self, silos: Sequence[int]) -> list[Step]:
        n = len(silos)
        steps = []
        for hop in range(1, n):
            moves = tuple(Transfer(silos[i], silos[(i + 1) % n], origin=silos[(i - hop + 1) % n]) for i in range(n))
            arrival: Literal["merge", "hold"] = "merge" if self.merge == "each" or hop == n - 1 else "hold"
            steps.append(Step(moves, on_arrival=arrival))
        return steps

    def _gossip(self, silos: Sequence[int]) -> Step:
        n = len(silos)
        offsets = {1} if self.one_way else {d % n for k in range(1, self.hops + 1) for d in (k, -k)} - {0}
        weight = 0.5 if self.one_way else 1.0 / (len(offsets) + 1)
        moves = tuple(Transfer(silos[(i - d) % n], silos[i], weight=weight) for i in range(n) for d in sorted(offsets))
        return Step(moves)
