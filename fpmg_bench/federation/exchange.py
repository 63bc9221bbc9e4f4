"""What happens between local training and the next round: transfers, arrivals, merges. FEDERATION.md defines every case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpmg_bench.errors import PlumbingError, TrialError
from fpmg_bench.faults import Round
from fpmg_bench.federation import secure, weights
from fpmg_bench.federation.masks.recovery import Recovery
from fpmg_bench.federation.meter import Meter
from fpmg_bench.transport import Awaited, Message

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Aggregator
    from fpmg_bench.federation.layout import Bundle
    from fpmg_bench.federation.masks.pairs import Secrets
    from fpmg_bench.transport import Transport
    from fpmg_bench.types import State, Step, Transfer


@dataclass(slots=True)
class Node:
    """A silo, the server or a hub in one round.

    reference: its model before this round's training; mass: training patients behind `model`; memory: the aggregator's, as the
    round found it, and `advanced`, as the round's last merge leaves it.
    """

    model: Bundle
    reference: Bundle
    mass: float
    memory: State
    known: dict[int, Message] = field(default_factory=dict)  # by origin: what a merge will see besides the node's own
    trained: Bundle | None = None
    advanced: State | None = None
    stale: bool = False  # relayed models have arrived since the last merge


@dataclass(frozen=True, slots=True)
class Input:
    """One model of a merge."""

    origin: int
    payload: Mapping[str, Tensor]
    mass: float
    weight: float | None


class Exchange:
    """One round among the holders of one bundle of modules.

    Relayed models (an origin is named) are collected, and merged when somebody reads the node's model: every prefix of a relay
    ring is a valid merge from the same reference, and only the one that is read is computed. Nodes with identical inputs,
    reference and memory merge once and share the result. nodes: those of this process; others are at the transport's far end.
    """

    def __init__(
        self,
        nodes: dict[int, Node],
        aggregator: Aggregator,
        transport: Transport,
        stage: str,
        round: int,
        seed: int = 0,
        faults: Round | None = None,
        masses: Mapping[int, float] | None = None,
        secrets: Mapping[int, Secrets] | None = None,
    ) -> None:
        self.nodes = nodes
        self.aggregator = aggregator
        self.transport = transport
        self.stage = stage
        self.round = round
        self.seed = seed  # of simulated keys
        self.masses = masses or {}  # of silos in other processes too
        self.secrets = secrets  # of this process's silos, None: simulated
        self.faults = faults or Round()
        self.meter = Meter()
        self.shared: list[tuple[int, int]] = []  # bytes and messages of shares of secrets, of each masked sum
        self._sums: dict[int, secure.Sum] = {}  # receiver -> what its masked messages are part of
        self._merged: dict[tuple[object, ...], tuple[Bundle, State]] = {}

    def run(self, steps: Sequence[Step], train: Callable[[int, Bundle], Bundle] | None = None) -> Mapping[int, Bundle]:
        """Carry out the plan; `train` trains the silos that a step names. The models of all silos at the end of the round."""
        for at, step in enumerate(steps):
            for silo in step.train:
                if silo in self.nodes:
                    self._train(silo, train)
            messages = self._sent(at, step)
            sent = self._masked(at, step, messages) if step.masked else messages
            if sent or (step.transfers and not self.faults):  # where others send, the step counts here too
                self.meter.begin()
            for message in sent:
                self.meter.count(message)
            arrived = self.transport.deliver(sent, self.stage, self.round, self._awaited(step))
            for dst in dict.fromkeys(message.dst for message in arrived):
                self._arrive(dst, [m for m in arrived if m.dst == dst], step.on_arrival)
        return {silo: self.model(silo) for silo in self.nodes if silo >= 0}

    def _awaited(self, step: Step) -> list[Awaited]:
        """What is due to the nodes of this process from others."""
        due = [move for move in step.transfers if move.dst in self.nodes and move.src not in self.nodes]
        return [Awaited(move.src, move.dst, self._sizes(move.dst), step.masked) for move in due]

    def _sizes(self, at: int) -> dict[str, int]:
        return {dtype: vector.numel() for dtype, vector in self.nodes[at].reference.items()}

    def model(self, at: int) -> Bundle:
        """The node's current model, merging first what was relayed to it."""
        node = self.nodes[at]
        if node.stale:
            node.model = self._merge(at, node, node.trained)
            node.stale = False
        return node.model

    def _train(self, silo: int, train: Callable[[int, Bundle], Bundle] | None) -> None:
        if train is None:
            raise PlumbingError(f"round {self.round}: the plan trains silo {silo} again, but nothing can be trained here")
        node = self.nodes[silo]
        node.model = node.trained = train(silo, self.model(silo))

    def _sent(self, at: int, step: Step) -> list[Message]:
        """The messages of a step that are not lost, as they arrive; without faults all of them, as they are."""
        if not self.faults:
            return [self._message(move) for move in step.transfers if move.src in self.nodes]
        planned = [self._message(move) for move in step.transfers if self._has(move, step)]
        arriving = self.faults.deliver(planned, {silo: node.reference for silo, node in self.nodes.items()}, at)
        self.meter.lost += len(step.transfers) - len(arriving)
        return arriving

    def _has(self, move: Transfer, step: Step) -> bool:
        """Whether what is to be sent got there: a relay that was lost goes no further, and a hub that nobody reached has no mean."""
        node = self.nodes[move.src]
        if move.origin is None:
            return move.src >= 0 or node.mass > 0 or step.on_arrival == "replace"
        return move.origin == move.src or move.origin in node.known

    def _message(self, move: Transfer) -> Message:
        if move.origin is None:
            return Message(move.src, move.dst, move.src, self.model(move.src), self.nodes[move.src].mass, move.weight)
        payload, mass = self.nodes[move.src].trained, self.nodes[move.src].mass
        if move.origin != move.src:
            held = self.nodes[move.src].known.get(move.origin)
            payload, mass = (dict(held.payload), held.mass) if held else (None, 0.0)
        if payload is None:
            where = f"round {self.round}, {move.src} -> {move.dst}"
            raise PlumbingError(
                f"{where}: silo {move.src} cannot relay the weights of silo {move.origin}, which never reached it"
            )
        return Message(move.src, move.dst, move.origin, payload, mass, move.weight, True)

    def _masked(self, at: int, step: Step, arriving: list[Message]) -> list[Message]:
        """The messages under masks that cancel at each receiver, among all that are to send; no two vectors of a run share a mask."""
        there, sent = {(m.src, m.dst) for m in arriving}, list[Message]()
        for dst in dict.fromkeys(move.dst for move in step.transfers):
            moves = [move for move in step.transfers if move.dst == dst]
            merge = self._sums[dst] = self._sum(at, step, dst, moves)
            own = [self._message(move) for move in moves if move.src in self.nodes]
            arrived = [m for m in secure.mask(own, merge) if (m.src, m.dst) in there]
            sent += arrived
            if step.drops:
                self.shared.append(merge.recovery.cost(len(arrived)))
        return sent

    def _sum(self, at: int, step: Step, dst: int, moves: Sequence[Transfer]) -> secure.Sum:
        silos = tuple(move.src for move in moves)
        what: tuple[str | int, ...] = ("round", self.round, "step", at, "to", dst, "from", *silos)
        masses = [self.nodes[silo].mass if silo in self.nodes else self.masses[silo] for silo in silos]
        equal = getattr(self.aggregator, "weighs_equally", False)
        parts = [(1.0, None) if equal else (mass, move.weight) for mass, move in zip(masses, moves, strict=True)]
        shares = dict(zip(silos, weights.shares(parts).tolist(), strict=True))
        recovery = Recovery(self.seed, self.stage, silos, step.drops)
        return secure.Sum(recovery, shares, what, f"{self.stage}, round {self.round}", self.secrets)

    def _arrive(self, at: int, messages: list[Message], how: str) -> None:
        node = self.nodes[at]
        if not messages:
            return
        if messages[0].masked:
            self._open(at, node, messages)
        elif how == "replace":
            node.model, node.mass = dict(messages[-1].payload), node.mass if at >= 0 else messages[-1].mass
            node.known, node.stale = {}, False
        elif how == "mean":
            node.model = weights.mean(messages)
            node.mass = sum(m.mass for m in messages)
        else:
            self._collect(at, node, messages, how)

    def _collect(self, at: int, node: Node, messages: list[Message], how: str) -> None:
        node.known.update({m.origin: m for m in messages})
        if how == "hold":
            return
        if at >= 0 and all(m.relayed for m in messages):
            node.stale = True
            return
        node.model = self._merge(at, node, node.model)
        if at < 0:
            node.mass = sum(m.mass for m in node.known.values())
        node.known = {}

    def _open(self, at: int, node: Node, messages: list[Message]) -> None:
        merge = self._sums[at]
        if merge.recovery.drops and len(messages) < merge.recovery.least:
            return  # too few are left to tell their shares: the sum stays hidden, and the node keeps its model
        mean = secure.opened(messages, node.reference, self.aggregator, merge)
        node.mass = sum(m.mass for m in messages)
        if len(messages) >= self.aggregator.min_inputs():
            node.model, node.advanced = self._compute([Input(at, mean, node.mass, None)], node, None)

    def _merge(self, at: int, node: Node, mine: Bundle | None) -> Bundle:
        messages = list(node.known.values())
        inputs = [Input(m.origin, m.payload, m.mass, m.weight) for m in messages]
        if at >= 0 and mine is not None:
            inputs.append(Input(at, mine, node.mass, weights.left(messages)))
        inputs.sort(key=lambda item: item.origin)
        if len(inputs) < self.aggregator.min_inputs():
            return node.model
        own = next((i for i, item in enumerate(inputs) if item.origin == at), None) if at >= 0 else None
        merged, node.advanced = self._once(inputs, node, own)
        return merged

    def _once(self, inputs: list[Input], node: Node, own: int | None) -> tuple[Bundle, State]:
        """Merge, or take the result of a node that merged the very same tensors."""
        identity = (
            tuple(id(tensor) for item in inputs for tensor in item.payload.values()),
            tuple((item.mass, item.weight) for item in inputs),
            tuple(id(tensor) for tensor in node.reference.values()),
            tuple((key, id(tensor)) for key, tensor in node.memory.items()),
            own if self.aggregator.uses_own else None,
        )
        if identity not in self._merged:
            self._merged[identity] = self._compute(inputs, node, own)
        return self._merged[identity]

    def _compute(self, inputs: list[Input], node: Node, own: int | None) -> tuple[Bundle, State]:
        import torch

        shares = weights.shares([(item.mass, item.weight) for item in inputs])
        memory, merged = dict[str, "Tensor"](), dict[str, "Tensor"]()
        for dtype, reference in node.reference.items():
            prefix = f"{dtype}/"
            part = {key.removeprefix(prefix): value for key, value in node.memory.items() if key.startswith(prefix)}
            stacked = torch.stack([item.payload[dtype] for item in inputs])
            merged[dtype] = self._whole(self.aggregator.merge(stacked, shares, reference, own, part), stacked, reference)
            memory |= {prefix + key: value for key, value in part.items()}
        return merged, memory

    def _whole(self, merged: Tensor, inputs: Tensor, reference: Tensor) -> Tensor:
        """The merged vector; TrialError that names the rule where it is no model, though it was given models."""
        import torch

        said, asked = (
            f"{t.dtype} {tuple(t.shape)}" if isinstance(t, torch.Tensor) else repr(t)[:40] for t in (merged, reference)
        )
        wrong = f"gave {said} in the place of a model, {asked}" if said != asked else ""
        if not wrong and not torch.isfinite(merged).all() and torch.isfinite(inputs).all():
            wrong = f"gave values that are not finite for {len(inputs)} finite models"
        if wrong:
            raise TrialError(
                f"{self.stage}, round {self.round}: aggregator {type(self.aggregator).__name__} {wrong}",
                "a fault of the merging rule: `fpmg-bench check NAME` finds it without a trial",
            )
        return merged
