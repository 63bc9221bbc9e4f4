"""The graph of a topology, read off the plans of its rounds: who hears whom, how firmly it hangs together, how fast it agrees."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fpmg_bench.federation.edges import Edge, edges_of
from fpmg_bench.federation.mixing import modulus_of_rounds, period_of
from fpmg_bench.federation.schedule import AHEAD, Schedule
from fpmg_bench.keys import rng_for

if TYPE_CHECKING:
    from fpmg_bench.contracts import Topology
    from fpmg_bench.types import Step

LOOK_AHEAD = 8  # rounds in which a plan that changes must begin anew
CONSENSUS = 1e-3  # the share of the first distance at which silos count as agreed


@dataclass(frozen=True, slots=True)
class Graph:
    """What the plans of a topology say of n silos; hubs and servers are nodes below 0.

    edges: (from, to) over one period of the plans (8 rounds where they never begin anew); connectivity: the fewest nodes whose loss
    cuts one silo off from another (n - 1 where all are linked); hearing: the same of who hears whose models, relays left out.
    sees: fewest models of a merge, its own included, None where nothing is merged; merging: where; relayed: models come by way of
    others; second_modulus: contraction of the consensus distance a round, with equal shares (over several rounds their geometric
    mean), None where models are trained one after the other; rounds: until that distance is 1e-3 of the first, None for never;
    messages: a round, None without a closed form; steps: one after the other in a round; unreached: silos that no other's weights
    get to within 8 rounds a silo.
    """

    silos: int
    edges: tuple[Edge, ...]
    connectivity: int
    hearing: int
    sees: int | None
    merging: Literal["silos", "server", "nowhere"]
    relayed: bool
    period: int
    second_modulus: float | None
    rounds: int | None
    messages: int | None
    steps: int
    unreached: tuple[int, ...] = ()


def graph_of(topology: Topology, silos: int) -> Graph:
    """The graph of n silos with equal shares, from a dry plan of its first rounds."""
    plans = [tuple(topology.plan(list(range(silos)), round, rng_for(0, "dry plan", round))) for round in range(LOOK_AHEAD)]
    period = period_of(plans)
    if any(plan != plans[round % period] for round, plan in enumerate(plans)):
        period = LOOK_AHEAD  # no two rounds need be alike: all that were looked at count
    steps = [step for plan in plans[:period] for step in plan]
    edges = edges_of(steps)
    heard = {(move.src if move.origin is None else move.origin, move.dst) for step in steps for move in step.transfers}
    merging = {move.dst for step in steps if step.on_arrival == "merge" for move in step.transfers}
    serial = any(step.train for step in steps)
    modulus = None if serial else modulus_of_rounds(plans[:period], dict.fromkeys(range(silos), 1.0))
    return Graph(
        silos,
        edges,
        connectivity(edges, silos),
        connectivity(heard, silos),
        fewest_inputs(plans),
        "nowhere" if not merging else "server" if min(merging) < 0 else "silos",
        any(move.origin not in (None, move.src) for step in steps for move in step.transfers),
        period,
        modulus,
        rounds_to_consensus(modulus, period),
        topology.messages(silos),
        len(plans[0]),
        Schedule(topology, "dry plan", 0).unreached(range(silos), AHEAD * silos),
    )


def rounds_to_consensus(modulus: float | None, period: int) -> int | None:
    """The first end of a period at which modulus^rounds <= 1e-3; None: never, or not a matter of mixing."""
    if modulus is None or modulus >= 1 - 1e-9:
        return None
    least = 1 if modulus == 0 else math.log(CONSENSUS) / math.log(modulus)
    return math.ceil(least / period - 1e-9) * period


def connectivity(edges: Iterable[Edge], silos: int) -> int:
    """Vertex connectivity between silos, by Menger's theorem: fewest nodes (servers too) on every way from one silo to another.

    Over pairs without a direct edge; the number of other nodes where there is no such pair. As in Even (1975) one end among the
    first k + 1 silos is enough: k lost nodes leave one of them.
    """
    after: dict[int, set[int]] = {silo: set() for silo in range(silos)}
    for src, dst in edges:
        after.setdefault(src, set()).add(dst)
        after.setdefault(dst, set())
    best = len(after)
    for first in range(silos):
        if first > best:
            break
        for other in range(silos):
            for src, dst in ((first, other), (other, first)):
                if src != dst and dst not in after[src]:
                    best = min(best, _disjoint_paths(after, src, dst, best))
    return best if best < len(after) else silos - 1


def _disjoint_paths(after: Mapping[int, set[int]], src: int, dst: int, most: int) -> int:
    """How many paths from src to dst share no node, up to `most`: augmenting paths, every node split into a way in and a way out."""
    used: dict[tuple[int, bool], set[tuple[int, bool]]] = {}  # flow from a split node to others
    found = 0
    while found < most:
        came: dict[tuple[int, bool], tuple[int, bool]] = {(src, True): (src, True)}
        queue = deque([(src, True)])
        while queue and (dst, False) not in came:
            at = queue.popleft()
            node, out = at
            ahead = {(other, False) for other in after[node]} if out else {(node, True)}
            back = {other for other, flow in used.items() if at in flow}
            for nxt in sorted((ahead - used.get(at, set())) | back):
                if nxt not in came and nxt[0] != src:
                    came[nxt] = at
                    queue.append(nxt)
        if (dst, False) not in came:
            return found
        at = (dst, False)
        while at != (src, True):
            before = came[at]
            if before in used.get(at, set()):
                used[at].discard(before)
            else:
                used.setdefault(before, set()).add(at)
            at = before
        found += 1
    return found


def fewest_inputs(plans: Iterable[Sequence[Step]]) -> int | None:
    """The fewest models any merging node gets in one of these rounds; None where nothing is merged."""
    return min((count for steps in plans if (count := _inputs(steps)) is not None), default=None)


def _inputs(steps: Sequence[Step]) -> int | None:
    """Models known at the last merge of each node: what arrived to be merged, and its own where it is a silo."""
    known: dict[int, set[tuple[int, int]]] = {}
    merging: set[int] = set()
    for index, step in enumerate(steps):
        for transfer in step.transfers:
            if step.on_arrival not in ("merge", "hold"):
                continue
            fresh = (transfer.src, index + 1) if transfer.origin is None else (transfer.origin, 0)
            known.setdefault(transfer.dst, {(transfer.dst, 0)} if transfer.dst >= 0 else set()).add(fresh)
            if step.on_arrival == "merge":
                merging.add(transfer.dst)
    return min((len(known[node]) for node in merging), default=None)
