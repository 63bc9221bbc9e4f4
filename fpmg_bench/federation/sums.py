"""Sums over silos, and how they travel where every node is a process of its own: over the plan's edges, as `cost` counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from fpmg_bench.errors import TrialError
from fpmg_bench.federation import masking, secure
from fpmg_bench.federation.edges import edges_of, hubs_of, reached, waves
from fpmg_bench.federation.masks.pairs import agreed, private_key, public_key
from fpmg_bench.federation.masks.way import way
from fpmg_bench.keys import KEY_BYTES
from fpmg_bench.transport import Awaited, Message
from fpmg_bench.types import Transfer

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.federation.masking import FixedPoint, Reals, Words
    from fpmg_bench.federation.masks.pairs import Secrets
    from fpmg_bench.transport import Transport
    from fpmg_bench.types import State, Step

ROUND = -1  # statistics travel before round 0
STATISTICS = ("statistics",)  # what masks call them, beside those of rounds
WORDS, BYTES = "int64", "uint8"


@dataclass(frozen=True, slots=True)
class Form:
    """How statistics are laid out: key -> dtype name, shape."""

    tensors: Mapping[str, tuple[str, Sequence[int]]]

    @classmethod
    def of(cls, state: State) -> Self:
        return cls({key: (str(t.dtype).removeprefix("torch."), list(t.shape)) for key, t in sorted(state.items())})

    @property
    def sizes(self) -> dict[str, int]:
        """dtype name -> numbers."""
        found: dict[str, int] = {}
        for dtype, shape in self.tensors.values():
            found[dtype] = found.get(dtype, 0) + _count(shape)
        return found

    @property
    def numbers(self) -> int:
        return sum(self.sizes.values())

    def flat(self, state: State) -> dict[str, Tensor]:
        """One vector a dtype."""
        import torch

        return {
            dtype: torch.cat([state[key].reshape(-1) for key, (kind, _) in self.tensors.items() if kind == dtype])
            for dtype in self.sizes
        }

    def line(self, state: State) -> Tensor:
        """All numbers as one float64 vector."""
        import torch

        return torch.cat([state[key].double().reshape(-1) for key in self.tensors])

    def state(self, line: Reals) -> State:
        """The inverse of `line`."""
        import torch

        found, start = {}, 0
        for key, (dtype, shape) in self.tensors.items():
            stop = start + _count(shape)
            part, kind = torch.from_numpy(line[start:stop]), getattr(torch, dtype)
            found[key] = (part if kind.is_floating_point else part.round()).to(kind).reshape(tuple(shape))
            start = stop
        return found

    def unflat(self, payload: Mapping[str, Tensor]) -> State:
        """The inverse of `flat`."""
        state, starts = {}, dict.fromkeys(self.sizes, 0)
        for key, (dtype, shape) in self.tensors.items():
            stop = starts[dtype] + _count(shape)
            state[key] = payload[dtype][starts[dtype] : stop].reshape(tuple(shape))
            starts[dtype] = stop
        return state


def travelled(
    steps: Sequence[Step],
    local: Mapping[int, State],
    where: str,
    transport: Transport,
    silos: Sequence[int],
    point: FixedPoint | None,
    secrets: dict[int, Secrets],
    what: tuple[str | int, ...] = STATISTICS,
) -> dict[int, State]:
    """The sums at this process's node; TrialError where two silos' statistics differ in form. secrets: filled in under masks."""
    told = {silo: {k: list(v) for k, v in Form.of(state).tensors.items()} for silo, state in local.items()}
    forms = transport.gather(", ".join([where, *map(str, () if what == STATISTICS else what), "form"]), told)
    form = forms[min(forms)]
    odd = next((silo for silo in forms if forms[silo] != form), None)
    if odd is not None:
        raise TrialError(f"{where}: those of silo {odd} have another form than those of silo {min(forms)}")
    hubs = hubs_of(steps)
    here = next(node for node in {*hubs, *silos} if transport.holds(node))
    if not form:
        return {here: {}}
    travel = _Travel(Form(form), where, transport, here, what)
    own = local.get(here)
    if point is not None:
        if what == STATISTICS or here not in secrets:
            secrets |= agree(steps, where, transport, silos)
        return {here: travel.hidden(steps, own, silos, point, secrets[here])}
    if hubs:
        return {here: travel.upwards(steps, own)}
    assert own is not None
    return {here: travel.relayed(steps, own, silos)}


def agree(steps: Sequence[Step], where: str, transport: Transport, silos: Sequence[int]) -> dict[int, Secrets]:
    """Keys of the system, handed on over the plan's edges: this process's node -> its secrets; of a server none."""
    here = next(node for node in {*hubs_of(steps), *silos} if transport.holds(node))
    private = private_key()
    held = {here: public_key(private)} if here >= 0 else {}
    for wave in waves(edges_of(steps), {silo: {silo} for silo in silos}):
        ways = {(move.src, move.dst): [m.origin for m in wave if (m.src, m.dst) == (move.src, move.dst)] for move in wave}
        sent = [
            _keys(src, dst, [held[o] for o in origins if o is not None]) for (src, dst), origins in ways.items() if src == here
        ]
        due = [(src, origins) for (src, dst), origins in ways.items() if dst == here]
        awaited = [Awaited(src, here, {BYTES: KEY_BYTES * len(origins)}) for src, origins in due]
        for message, (_, origins) in zip(transport.deliver(sent, f"{where}, keys", ROUND, awaited), due, strict=True):
            data = message.payload[BYTES].numpy().tobytes()
            held |= {o: data[KEY_BYTES * i : KEY_BYTES * (i + 1)] for i, o in enumerate(origins) if o is not None}
    return {here: agreed(here, private, held) if here >= 0 else {}}


def _keys(src: int, dst: int, keys: Sequence[bytes]) -> Message:
    import torch

    return Message(src, dst, src, {BYTES: torch.frombuffer(bytearray(b"".join(keys)), dtype=torch.uint8)}, 0.0)


class _Travel:
    """The exchange as one node takes part in it."""

    def __init__(self, form: Form, where: str, transport: Transport, here: int, what: tuple[str | int, ...]) -> None:
        self.form, self.where, self.transport, self.here, self.what = form, where, transport, here, what

    def hidden(
        self, steps: Sequence[Step], own: State | None, silos: Sequence[int], point: FixedPoint, secrets: Secrets
    ) -> State:
        """Under masks: this node adds its own to what it gets and sends it on; the total comes back."""
        route = way(steps, silos)
        assert route is not None
        held: Words | None = None
        if own is not None:
            numbers = secure.whole(self.form.line(own), point, len(silos), f"{self.where}, silo {self.here}")
            held = masking.hidden(numbers, self.here, silos, secrets, *self.what)
        for wave in route.up:
            sizes = {WORDS: self.form.numbers * point.words}
            for message in self._passed(wave, {} if held is None else {WORDS: secure.tensor(held)}, sizes):
                words = secure.words_of(message.payload[WORDS], point)
                held = words if held is None else masking.added(held, words)
        found: State = {}
        if self.here == route.root:
            assert held is not None
            found = self.form.state(masking.decode(held, point))
        for wave in route.down:
            for message in self._passed(wave, self.form.flat(found) if found else {}, self.form.sizes):
                found = self.form.unflat(message.payload)
        return found

    def _passed(self, wave: Sequence[Transfer], payload: Mapping[str, Tensor], sizes: Mapping[str, int]) -> list[Message]:
        sent = [Message(move.src, move.dst, move.src, payload, 0.0) for move in wave if move.src == self.here]
        due = [Awaited(move.src, move.dst, sizes) for move in wave if move.dst == self.here]
        return self.transport.deliver(sent, self.where, ROUND, due)

    def relayed(self, steps: Sequence[Step], own: State, silos: Sequence[int]) -> State:
        """Between silos: each silo's statistics reach every other once."""
        edges = edges_of(steps)
        held = {self.here: own}
        for moves in waves(edges, {silo: {silo} for silo in silos}):
            for message in self._deliver(moves, held):
                held[message.origin] = self.form.unflat(message.payload)
        return total([held[silo] for silo in reached(edges, silos)[self.here]])

    def upwards(self, steps: Sequence[Step], own: State | None) -> State:
        """With a server or hubs: they add up what they get and hand the sum on."""
        held = {} if own is None else {self.here: own}
        for step in steps:
            arrived = [self.form.unflat(m.payload) for m in sorted(self._deliver(step.transfers, held), key=lambda m: m.src)]
            if arrived:
                held[self.here] = arrived[-1] if step.on_arrival == "replace" else total(arrived)
        return held[self.here]

    def _deliver(self, moves: Sequence[Transfer], held: Mapping[int, State]) -> list[Message]:
        """origin None: what the node holds under its own name."""
        here = [move for move in moves if move.src == self.here]
        origins = [self.here if move.origin is None else move.origin for move in here]
        sent = [Message(m.src, m.dst, o, self.form.flat(held[o]), 0.0) for m, o in zip(here, origins, strict=True)]
        due = [Awaited(move.src, move.dst, self.form.sizes) for move in moves if move.dst == self.here]
        return self.transport.deliver(sent, self.where, ROUND, due)


def total(parts: Sequence[State]) -> State:
    """In float64, part by part; in the parts' own types."""
    import torch

    return {key: torch.stack([part[key].double() for part in parts]).sum(0).to(parts[0][key].dtype) for key in parts[0]}


def _count(shape: Sequence[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
