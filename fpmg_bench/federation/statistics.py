"""The one exchange before round 0: exact sums over all holders, over the topology's own edges, whatever the aggregator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fpmg_bench.federation import masking, secure, sums
from fpmg_bench.federation.edges import edges_of, hubs_of, reached
from fpmg_bench.federation.hops import Load, flooded, hops
from fpmg_bench.federation.sums import ROUND, total

if TYPE_CHECKING:
    from fpmg_bench.transport import Transport
    from fpmg_bench.types import State, Step


def exchange(
    steps: Sequence[Step],
    local: Mapping[int, State],
    where: str,
    seed: int,
    transport: Transport | None = None,
    silos: Sequence[int] = (),
) -> dict[int, State]:
    """Sum per connected group of silos, in float64 over silos in ascending order, so that every silo of a group has the same bits.

    Where the plan masks what travels, so are these. where: names the place in errors; seed: of the masks. silos: all of them,
    where the transport reaches some in other processes; then the sums of this process's nodes come back.
    """
    if transport is not None and not transport.whole:
        return sums.travelled(steps, local, where, transport, silos)
    groups = reached(edges_of(steps), sorted(local))
    if secure.is_masked(steps):
        found = {group: secure.summed({s: local[s] for s in group}, where, seed) for group in set(groups.values())}
        return {silo: found[group] for silo, group in groups.items()}
    return {silo: total([local[s] for s in group]) for silo, group in groups.items()}


def overheard(steps: Sequence[Step], local: Mapping[int, State], stage: str, transport: Transport) -> None:
    """Where frames are recorded: who gets whose statistics before they are added up, unmasked."""
    if not transport.record or not any(local.values()):
        return
    hubs, groups = hubs_of(steps), reached(edges_of(steps), sorted(local))
    for silo, own in local.items():
        at_hubs = {move.dst for step in steps if not step.masked for move in step.transfers if move.src == silo}
        for at in sorted(at_hubs if hubs else {s for s, group in groups.items() if silo in group} - {silo}):
            known = {"stage": stage, "round": ROUND, "src": silo, "origin": silo, "relayed": not hubs, "masked": False}
            transport.frames.setdefault(at, []).append(known | {"start": {}, "sums": own})


def cost(steps: Sequence[Step], silos: Sequence[int], one: State) -> tuple[int, int]:
    """(bytes, messages) of the exchange among these silos; `one` silo's statistics are as large as another's, and {} cost nothing.

    With a server or hubs: one message for each transfer of the plan (sums travel). Between silos: each silo's statistics are
    relayed once to every other that can be reached.
    """
    if not size(one):
        return 0, 0
    messages = sum(len(step.transfers) for step in steps)
    if not hubs_of(steps):
        messages = sum(len(group) - 1 for group in reached(edges_of(steps), silos).values())
    masked = sum(len(step.transfers) for step in steps if step.masked)
    numbers = sum(tensor.numel() for tensor in one.values())
    return (messages - masked) * size(one) + masked * numbers * masking.SUMS.bytes, messages


def path(steps: Sequence[Step], silos: Sequence[int], one: State) -> list[int]:
    """Hops of the same exchange (see `hops`): those of the plan where sums travel over a server or hubs, else of a flood."""
    if not size(one):
        return []
    if not hubs_of(steps):
        return hops([flooded(edges_of(steps), {silo: {silo} for silo in silos}, size(one))])
    under_masks = sum(tensor.numel() for tensor in one.values()) * masking.SUMS.bytes
    loads = []
    for step in steps:
        load = Load()
        for move in step.transfers:
            load.add(move.src, move.dst, under_masks if step.masked else size(one))
        loads.append(load)
    return hops([loads])


def size(state: State) -> int:
    """Bytes of one message of statistics."""
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())
