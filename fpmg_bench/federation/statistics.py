"""The one exchange before round 0: exact sums over all holders, over the topology's own edges, whatever the aggregator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpmg_bench.types import State, Step


def exchange(steps: Sequence[Step], local: Mapping[int, State]) -> tuple[dict[int, State], int]:
    """Sum per connected group of silos, and the number of messages it took.

    With a server or hubs: one message for each transfer of the plan (sums travel). Between silos: each silo's statistics are
    relayed once to every other that can be reached. Sums run over silos in ascending order in float64, so that every silo of a
    group computes the same bits.
    """
    edges = sorted({(move.src, move.dst) for step in steps for move in step.transfers})
    groups = reached(edges, sorted(local))
    sums = {silo: _sum([local[s] for s in group]) for silo, group in groups.items()}
    hubs = any(node < 0 for edge in edges for node in edge)
    messages = sum(len(step.transfers) for step in steps) if hubs else sum(len(group) - 1 for group in groups.values())
    return sums, messages


def reached(edges: Sequence[tuple[int, int]], silos: Sequence[int]) -> dict[int, tuple[int, ...]]:
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


def _sum(parts: Sequence[State]) -> State:
    import torch

    return {key: torch.stack([part[key].double() for part in parts]).sum(0).to(parts[0][key].dtype) for key in parts[0]}


def size(state: State) -> int:
    """Bytes of one message of statistics."""
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())
