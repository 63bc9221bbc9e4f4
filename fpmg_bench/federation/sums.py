"""Sums over silos, and how they travel where every node is a process of its own: over the plan's edges, as `cost` counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import TrialError
from fpmg_bench.federation.edges import edges_of, hubs_of, reached, waves
from fpmg_bench.transport import Awaited, Message
from fpmg_bench.types import Transfer

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.transport import Transport
    from fpmg_bench.types import State, Step

ROUND = -1  # statistics travel before round 0
Shapes = Mapping[str, tuple[str, Sequence[int]]]  # key -> dtype name, shape


def travelled(
    steps: Sequence[Step], local: Mapping[int, State], where: str, transport: Transport, silos: Sequence[int]
) -> dict[int, State]:
    """The sums at this process's node; TrialError where two silos' statistics differ in form."""
    forms = transport.gather(f"{where}, form", {silo: _form(state) for silo, state in local.items()})
    form = forms[min(forms)]
    odd = next((silo for silo in forms if forms[silo] != form), None)
    if odd is not None:
        raise TrialError(f"{where}: those of silo {odd} have another form than those of silo {min(forms)}")
    hubs = hubs_of(steps)
    here = next(node for node in {*hubs, *silos} if transport.holds(node))
    if not form:
        return {here: {}}
    way = _Way(form, where, transport, here)
    own = local.get(here)
    if hubs:
        return {here: way.upwards(steps, own)}
    assert own is not None
    return {here: way.relayed(steps, own, silos)}


class _Way:
    """The exchange as one node takes part in it."""

    def __init__(self, form: Shapes, where: str, transport: Transport, here: int) -> None:
        self.form, self.where, self.transport, self.here = form, where, transport, here
        self.sizes: dict[str, int] = {}
        for dtype, shape in form.values():
            self.sizes[dtype] = self.sizes.get(dtype, 0) + _count(shape)

    def relayed(self, steps: Sequence[Step], own: State, silos: Sequence[int]) -> State:
        """Between silos: each silo's statistics reach every other once."""
        edges = edges_of(steps)
        held = {self.here: own}
        for moves in waves(edges, {silo: {silo} for silo in silos}):
            for message in self._deliver(moves, held):
                held[message.origin] = self._state(message.payload)
        return total([held[silo] for silo in reached(edges, silos)[self.here]])

    def upwards(self, steps: Sequence[Step], own: State | None) -> State:
        """With a server or hubs: they add up what they get and hand the sum on."""
        held = {} if own is None else {self.here: own}
        for step in steps:
            arrived = [self._state(m.payload) for m in sorted(self._deliver(step.transfers, held), key=lambda m: m.src)]
            if arrived:
                held[self.here] = arrived[-1] if step.on_arrival == "replace" else total(arrived)
        return held[self.here]

    def _deliver(self, moves: Sequence[Transfer], held: Mapping[int, State]) -> list[Message]:
        """origin None: what the node holds under its own name."""
        here = [move for move in moves if move.src == self.here]
        origins = [self.here if move.origin is None else move.origin for move in here]
        sent = [Message(m.src, m.dst, o, self._flat(held[o]), 0.0) for m, o in zip(here, origins, strict=True)]
        due = [Awaited(move.src, move.dst, self.sizes) for move in moves if move.dst == self.here]
        return self.transport.deliver(sent, self.where, ROUND, due)

    def _flat(self, state: State) -> dict[str, Tensor]:
        import torch

        return {
            dtype: torch.cat([state[key].reshape(-1) for key, (kind, _) in self.form.items() if kind == dtype])
            for dtype in self.sizes
        }

    def _state(self, payload: Mapping[str, Tensor]) -> State:
        state, starts = {}, dict.fromkeys(self.sizes, 0)
        for key, (dtype, shape) in self.form.items():
            stop = starts[dtype] + _count(shape)
            state[key] = payload[dtype][starts[dtype] : stop].reshape(tuple(shape))
            starts[dtype] = stop
        return state


def total(parts: Sequence[State]) -> State:
    """In float64, part by part; in the parts' own types."""
    import torch

    return {key: torch.stack([part[key].double() for part in parts]).sum(0).to(parts[0][key].dtype) for key in parts[0]}


def _form(state: State) -> dict[str, Any]:
    return {key: (str(tensor.dtype).removeprefix("torch."), list(tensor.shape)) for key, tensor in sorted(state.items())}


def _count(shape: Sequence[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
