"""The one exchange before round 0: exact sums over all holders, over the topology's own edges, whatever the aggregator.

Unless the topology says `sums: plain`, they are added up under masks on their way (`masks.way`), and nobody sees one silo's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from fpmg_bench.federation import masking, secure, sums
from fpmg_bench.federation.edges import edges_of, hubs_of, reached
from fpmg_bench.federation.hops import Load, flooded, hops
from fpmg_bench.federation.masks.pairs import simulated
from fpmg_bench.federation.masks.way import way
from fpmg_bench.federation.sums import ROUND, STATISTICS, total

if TYPE_CHECKING:
    from fpmg_bench.federation.masking import FixedPoint, Words
    from fpmg_bench.federation.masks.pairs import Secrets
    from fpmg_bench.transport import Transport
    from fpmg_bench.types import State, Step, Transfer


def grid(
    hide: bool,
    steps: Sequence[Step],
    local: Mapping[int, State],
    where: str,
    transport: Transport,
    silos: Sequence[int],
    blind: bool = False,
) -> FixedPoint | None:
    """The fixed point in which sums travel under masks; None: in the clear, asked for or because masks would hide nothing.

    64 bits a number; 128 where a silo says that its numbers need them, which is all that it tells of them: one bit a stage.
    blind: not even that, because what a silo adds has not all of its noise; then 128.
    """
    if not hide:
        return None
    if way(steps, silos) is None:
        if secure.is_masked(steps) and any(local.values()):
            secure.refuse_alone(silos, where)
        return None
    if blind:
        return masking.SUMS
    wide = {silo: masking.wide(_arrays(state), len(silos)) for silo, state in local.items()}
    return masking.SUMS if any(transport.gather(f"{where}, 128 bits", wide).values()) else masking.MODELS


def _arrays(state: State) -> Iterator[masking.Reals]:
    return (tensor.double().reshape(-1).numpy() for tensor in state.values())


def exchange(
    steps: Sequence[Step],
    local: Mapping[int, State],
    where: str,
    seed: int,
    transport: Transport,
    silos: Sequence[int],
    point: FixedPoint | None = None,
    secrets: dict[int, Secrets] | None = None,
    what: tuple[str | int, ...] = STATISTICS,
) -> dict[int, State]:
    """Sum per connected group of silos; the same bits at all silos of a group.

    where: names the place in errors; seed: of simulated keys. silos: all of them, where the transport reaches some in other
    processes; then the sums of this process's nodes come back. point: of `grid`; in the clear sums are float64, ascending. secrets: where those are kept that
    this process's silo agrees on with silos in others. what: names the sum, of which no two of a stage are alike; only the first is in frames.
    """
    if not transport.whole:
        return sums.travelled(steps, local, where, transport, silos, point, {} if secrets is None else secrets, what)
    if point is not None:
        return dict.fromkeys(local, _hidden(steps, local, where, seed, transport, point, what))
    groups = reached(edges_of(steps), sorted(local))
    return {silo: total([local[s] for s in group]) for silo, group in groups.items()}


def _hidden(
    steps: Sequence[Step],
    local: Mapping[int, State],
    where: str,
    seed: int,
    transport: Transport,
    point: FixedPoint,
    what: tuple[str | int, ...],
) -> State:
    """The sum of all, as it comes about: along the way, each partial sum under masks."""
    if not any(local.values()):
        return next(iter(local.values()))
    form = sums.Form.of(next(iter(local.values())))
    numbers = {silo: secure.whole(form.line(state), point, len(local), f"{where}, silo {silo}") for silo, state in local.items()}
    held = masking.masked(numbers, simulated(seed, where.removesuffix(", statistics"), local), *what)
    route = way(steps, sorted(local))
    assert route is not None
    for wave in route.up:
        for move in wave:
            if what == STATISTICS:
                _overheard(move, held[move.src], form, where, transport, point)
            held[move.dst] = masking.added(held[move.dst], held[move.src]) if move.dst in held else held[move.src]
    found = form.state(masking.decode(held[route.root], point))
    if what == STATISTICS:
        _left(local, found, where.removesuffix(", statistics"), transport)
    return found


def _left(local: Mapping[int, State], total: State, stage: str, transport: Transport) -> None:
    """Where frames are recorded: what the total tells each silo of all others together, less its own part of it."""
    if transport.record and len(local) > 2:
        for silo, own in local.items():
            left = {key: total[key] - own[key] for key in own}
            known = {"stage": stage, "round": ROUND, "src": silo, "origin": silo, "relayed": False, "masked": True}
            transport.frames.setdefault(silo, []).append(known | {"start": {}, "left": left, "own": own})


def _overheard(move: Transfer, words: Words, form: sums.Form, where: str, transport: Transport, point: FixedPoint) -> None:
    """Where frames are recorded: what a node on the way gets, as the numbers that it would read without masks."""
    if transport.record:
        seen = form.state(masking.decode(words, point))
        _record(transport, move.dst, where.removesuffix(", statistics"), move.src, seen, relayed=False, masked=True)


def overheard(steps: Sequence[Step], local: Mapping[int, State], stage: str, transport: Transport, masked: bool) -> None:
    """Where frames are recorded: who gets whose statistics before they are added up, or gets them by subtracting its own."""
    if not transport.record or not any(local.values()):
        return
    hubs, groups = hubs_of(steps), reached(edges_of(steps), sorted(local))
    for silo, own in local.items():
        beside = {s for s, group in groups.items() if silo in group} - {silo}
        at_hubs = {move.dst for step in steps for move in step.transfers if move.src == silo} if hubs else set()
        known = (beside if len(local) == 2 else set()) if masked else at_hubs or beside
        for at in sorted(known):
            _record(transport, at, stage, silo, own, relayed=not hubs, masked=False)


def _record(transport: Transport, at: int, stage: str, src: int, seen: State, relayed: bool, masked: bool) -> None:
    known = {"stage": stage, "round": ROUND, "src": src, "origin": src, "relayed": relayed, "masked": masked}
    transport.frames.setdefault(at, []).append(known | {"start": {}, "sums": seen})


def cost(steps: Sequence[Step], silos: Sequence[int], one: State, point: FixedPoint | None = None) -> tuple[int, int]:
    """(bytes, messages) of the exchange among these silos; `one` silo's statistics are as large as another's, and {} cost nothing.

    Under masks, on N nodes: N - 1 messages of fixed-point numbers up, N - 1 with the total down. In the clear: with a server or
    hubs one message for each transfer of the plan (sums travel); between silos each silo's are relayed once to every other.
    """
    if not size(one):
        return 0, 0
    if point is not None and (route := way(steps, silos)) is not None:
        return route.messages // 2 * (masked_size(one, point) + size(one)), route.messages
    messages = sum(len(step.transfers) for step in steps)
    if not hubs_of(steps):
        messages = sum(len(group) - 1 for group in reached(edges_of(steps), silos).values())
    return messages * size(one), messages


def path(steps: Sequence[Step], silos: Sequence[int], one: State, point: FixedPoint | None = None) -> list[int]:
    """Hops of the same exchange (see `hops`)."""
    if not size(one):
        return []
    if point is not None and (route := way(steps, silos)) is not None:
        waves = [(wave, masked_size(one, point)) for wave in route.up] + [(wave, size(one)) for wave in route.down]
        return hops([[_load(wave, each) for wave, each in waves]])
    if not hubs_of(steps):
        return hops([flooded(edges_of(steps), {silo: {silo} for silo in silos}, size(one))])
    return hops([[_load(step.transfers, size(one)) for step in steps]])


def _load(moves: Sequence[Transfer], each: int) -> Load:
    load = Load()
    for move in moves:
        load.add(move.src, move.dst, each)
    return load


def masked_size(state: State, point: FixedPoint) -> int:
    """Bytes of one message of statistics under masks."""
    return sum(tensor.numel() for tensor in state.values()) * point.bytes


def size(state: State) -> int:
    """Bytes of one message of statistics."""
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())
