"""Hops: steps that follow one another, and in each the most bytes that any node sends or receives. What CO's network time needs.

And the hand-over: after the last round silos that lack a modality get its modules once, so that every silo can make the complete record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from fpmg_bench.federation.edges import Edge, edges_of, reached, waves

if TYPE_CHECKING:
    from fpmg_bench.types import Step


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


def sources(steps: Sequence[Step], holders: Iterable[int], lacking: Iterable[int]) -> dict[int, int]:
    """lacking silo -> the first holder whose weights can get to it over the plan's edges; silos out of reach are left out.

    One message each: on a ring it comes from the silo before (a holder, or one that was just handed them), on a star from the
    server, which merged them. Post-processing: it costs no epsilon.
    """
    holders, lacking = sorted(holders), sorted(lacking)
    edges = edges_of(steps)
    known = reached(edges, sorted({*holders, *lacking}))
    found = {silo: next((h for h in holders if h in known[silo]), None) for silo in lacking}
    return {silo: holder for silo, holder in found.items() if holder is not None}


def handover_path(steps: Sequence[Step], given: Iterable[int], size: int) -> list[Load]:
    """Loads of the hand-over, step by step: over the plan's edges from all other nodes to the silos given it, one message each."""
    given = set(given)
    edges = edges_of(steps)
    others = {node for edge in edges for node in edge} - given
    return flooded([edge for edge in edges if edge[1] in given], {node: {0} for node in others}, size)
