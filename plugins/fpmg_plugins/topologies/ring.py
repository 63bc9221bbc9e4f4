"""The ring: FPMG's relay, and gossip with the k nearest neighbours on each side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge

from fpmg_bench.types import Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Ring:
    """relay: every silo receives and relays every weight once, n(n-1) messages a round (FPMG).

    merge: "each" merges at every reception, "last" only after the last one; both end with the same model.
    relay=False: gossip with neighbours i-hops..i+hops (D-PSGD, Lian et al. 2017), n min(2 hops, n-1) messages: at once over direct
    links, or with links=neighbours in min(hops, n/2) steps over the sockets of the two neighbours, who hand on what they received;
    every silo gets each model once either way, so bytes and models are the same.
    one_way: only from i-1 to i, n messages, weights 1/2 (the fastest that a one-way ring has).
    mixing: Metropolis weights 1/(degree + 1), or the constant weight that contracts fastest (Xiao and Boyd, 2004), as large as
    leaves the silo's own weight at 0 or above: of 8 silos .7445 a round instead of .8047.
    A plain ring has vertex connectivity 2 and is only 1-robust: robustness of gossip on it is measured, not guaranteed. Minimum
    hops for one liar in the neighbourhood: median and trimmed mean 1, Krum 2, Bulyan 3.
    sums: statistics travel under masks, each partial sum uniform to whoever gets it, or in the clear.
    """

    relay: bool = True
    merge: Literal["each", "last"] = "each"
    hops: Annotated[int, Ge(1)] = 1
    one_way: bool = False
    mixing: Literal["metropolis", "optimal"] = "metropolis"
    links: Literal["direct", "neighbours"] = "direct"
    sums: Literal["masked", "plain"] = "masked"

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        if len(silos) < 2:
            return []
        return self._relay(silos) if self.relay else self._gossip(silos)

    def messages(self, silos: int) -> int:
        if silos < 2:
            return 0
        if self.relay:
            return silos * (silos - 1)
        return silos * (1 if self.one_way else min(2 * self.hops, silos - 1))

    def _relay(self, silos: Sequence[int]) -> list[Step]:
        n = len(silos)
        steps = []
        for hop in range(1, n):
            moves = tuple(Transfer(silos[i], silos[(i + 1) % n], origin=silos[(i - hop + 1) % n]) for i in range(n))
            arrival: Literal["merge", "hold"] = "merge" if self.merge == "each" or hop == n - 1 else "hold"
            steps.append(Step(moves, on_arrival=arrival))
        return steps

    def _gossip(self, silos: Sequence[int]) -> list[Step]:
        n = len(silos)
        offsets = sorted({1} if self.one_way else {d % n for k in range(1, self.hops + 1) for d in (k, -k)} - {0})
        weight = 1.0 / (len(offsets) + 1)
        if self.mixing == "optimal" and not self.one_way:
            weight = fastest_weight(n, offsets)
        if self.links == "neighbours":
            return _handed_on(silos, offsets, weight)
        moves = tuple(Transfer(silos[(i - d) % n], silos[i], weight=weight) for i in range(n) for d in offsets)
        return [Step(moves)]


def _handed_on(silos: Sequence[int], offsets: Sequence[int], weight: float) -> list[Step]:
    """Over neighbours' sockets: in step s everybody gets the models from s places away on both sides. One merge, of all."""
    n = len(silos)
    last = max(min(d, n - d) for d in offsets)
    steps = []
    for s in range(1, last + 1):
        sides = [side for offset, side in {n - s: -1, s: 1}.items() if offset in offsets]  # opposite silos speak one way around
        moves = tuple(
            Transfer(silos[(i - side) % n], silos[i], silos[(i - side * s) % n], weight) for i in range(n) for side in sides
        )
        steps.append(Step(moves))
    return steps


def fastest_weight(n: int, offsets: Sequence[int]) -> float:
    """The constant weight of an edge that contracts fastest on the graph i ~ i + d: 2 / (l_2 + l_n), at most 1 / degree.

    l_k = sum_d 1 - cos(2 pi k d / n) are the Laplacian's eigenvalues; the contraction is (l_n - l_2) / (l_n + l_2) where 1 / degree
    does not bind.
    """
    values = [sum(1.0 - math.cos(2.0 * math.pi * k * d / n) for d in offsets) for k in range(1, n)]
    return min(2.0 / (min(values) + max(values)), 1.0 / len(offsets))
