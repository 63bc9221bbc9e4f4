"""Hops: steps that follow one another, and in each the most bytes that any node sends or receives. What CO's network time needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest


@dataclass(slots=True)
class Load:
    """Bytes sent and received by each node in one step; a node's line carries both ways at once."""

    sent: dict[int, int] = field(default_factory=dict)
    received: dict[int, int] = field(default_factory=dict)

    def add(self, src: int, dst: int, size: int) -> None:
        self.sent[src] = self.sent.get(src, 0) + size
        self.received[dst] = self.received.get(dst, 0) + size

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
            for node, size in load.sent.items():
                total.sent[node] = total.sent.get(node, 0) + size
            for node, size in load.received.items():
                total.received[node] = total.received.get(node, 0) + size
        together.append(total.largest)
    return together


def flooded(edges: Sequence[tuple[int, int]], known: Mapping[int, Iterable[int]], size: int) -> list[Load]:
    """Steps until nothing is new to anybody: every node hands on at once what it learnt, and gets each item once, by a shortest way.

    known: node -> items it starts with; size: bytes of one item.
    """
    holds = {node: set(items) for node, items in known.items()}
    steps: list[Load] = []
    while True:
        load, fresh = Load(), dict[int, set[int]]()
        for src, dst in edges:
            new = holds.get(src, set()) - holds.get(dst, set()) - fresh.get(dst, set())
            if new:
                load.add(src, dst, size * len(new))
                fresh.setdefault(dst, set()).update(new)
        if not fresh:
            return steps
        steps.append(load)
        for node, new in fresh.items():
            holds.setdefault(node, set()).update(new)
