"""Hops: steps that follow one another, and in each the most bytes that any node sends or receives. What CO's network time needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from fpmg_bench.federation.edges import Edge, waves


@dataclass(slots=True)
class Load:
    """Bytes sent and received by each node in one step; a node's line carries both ways at once."""

    sent: dict[int, int] = field(default_factory=dict)
    received: dict[int, int] = field(default_factory=dict)

    def add(self, src: int, dst: int, size: int) -> None:
        self.sent[src] = self.sent.get(src, 0) + size
        self.received[dst] = self.received.get(dst, 0) + size

    def include(self, sent: Mapping[int, int], received: Mapping[int, int]) -> None:
        """Add another load."""
        for kept, more in ((self.sent, sent), (self.received, received)):
            for node, size in more.items():
                kept[node] = kept.get(node, 0) + size

    @property
    def largest(self) -> int:
        """Of the node that takes longest."""
        return max((*self.sent.values(), *self.received.values()), default=0)


def hops(exchanges: Iterable[Sequence[Load]]) -> list[int]:
    """Largest load of each step, where several groups of modules travel side by side over the same lines."""
    together = []
    for step in zip_longest(*exchanges, fillvalue=Load()):
        total = Load()
        for load in step:
            total.include(load.sent, load.received)
        together.append(total.largest)
    return together


def flooded(edges: Sequence[Edge], known: Mapping[int, Iterable[int]], size: int) -> list[Load]:
    """Loads of a flood (`waves`), step by step. size: bytes of one item."""
    steps = []
    for wave in waves(edges, known):
        load = Load()
        for move in wave:
            load.add(move.src, move.dst, size)
        steps.append(load)
    return steps
