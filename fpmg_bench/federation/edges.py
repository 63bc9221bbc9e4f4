"""Who sends to whom in a plan, and what gets where over these edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from fpmg_bench.types import Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Step

Edge = tuple[int, int]


def edges_of(steps: Iterable[Step]) -> tuple[Edge, ...]:
    """(from, to) of every transfer, each once, ascending."""
    return tuple(sorted({(move.src, move.dst) for step in steps for move in step.transfers}))


def hubs_of(steps: Iterable[Step]) -> set[int]:
    """The server and the hubs of a plan."""
    return {node for edge in edges_of(steps) for node in edge if node < 0}


def reached(edges: Sequence[Edge], silos: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """silo -> the nodes whose messages get to it over these edges, itself included."""
    known = {silo: {silo} for silo in silos}
    changed = True
    while changed:
        changed = False
        for src, dst in edges:
            before = known.setdefault(dst, set())
            size = len(before)
            before |= known.setdefault(src, set())
            changed |= len(before) > size
    return {silo: tuple(sorted(known[silo])) for silo in silos}


def waves(edges: Sequence[Edge], known: Mapping[int, Iterable[int]]) -> list[list[Transfer]]:
    """Flooding: every node hands on at once what it learnt, and gets each item once, by a shortest way, until nothing is new.

    known: node -> items it starts with, numbered as their origins.
    """
    held = {node: set(known.get(node, ())) for node in {*known, *(node for edge in edges for node in edge)}}
    found: list[list[Transfer]] = []
    while True:
        wave, before = [], {node: set(items) for node, items in held.items()}
        for src, dst in edges:
            for origin in sorted(before[src] - held[dst]):
                wave.append(Transfer(src, dst, origin))
                held[dst].add(origin)
        if not wave:
            return found
        found.append(wave)
