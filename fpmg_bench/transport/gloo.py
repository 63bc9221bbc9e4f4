"""One process a silo over torch.distributed's gloo backend: sockets between neighbours only, a deadline a hop, the dead named."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import PlumbingError, SiloLost
from fpmg_bench.transport.channel import SEAL
from fpmg_bench.transport.message import Awaited
from fpmg_bench.transport.rendezvous import LOADING, POLL, TELL, Rendezvous, distributed
from fpmg_bench.transport.wire import HEADER, as_tensor, decode, encode, room

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.transport.message import Message

GRACE = 0.7  # seconds in which whoever saw the first failure writes down what it saw


class Gloo:
    """This rank's end of all messages. nodes: silos ascending, then the server and hubs; a node's rank is its place there.

    deadline: seconds that one hop may take, the sender's training included. close: where a silo dies, the others repeat the round
    without it. sent: (stage, round) -> payload bytes, header bytes and messages that were handed to gloo; wasted: those of
    rounds that had to be repeated. gone: silo -> where it died.
    """

    whole = False

    def __init__(
        self,
        meet: Rendezvous,
        nodes: Sequence[int],
        node: int,
        deadline: float,
        interface: str = "",
        close: bool = False,
    ) -> None:
        self.meet = meet
        self.header = HEADER.size + (SEAL if meet.channel else 0)
        self.nodes = list(nodes)
        self.node = node
        self.deadline = deadline
        self.interface = interface
        self.close = close
        self.gone: dict[int, str] = {}
        self.wasted = [0, 0, 0]
        self.record, self.frames = False, dict[int, list[dict[str, Any]]]()
        self.sent: dict[tuple[str, int], list[int]] = {}
        self._told: dict[str, tuple[Mapping[int, Any], dict[int, Any]]] = {}
        self._numbers: dict[tuple[int, int], int] = {}
        self.group = self._join()
        self._former: list[Any] = []  # groups with a dead member; taking one down can block

    def _join(self) -> Any:
        """A group of the present nodes, without a connection yet; nobody goes on before all are there."""
        dist = distributed()
        options = dist.ProcessGroupGloo._Options()
        options._timeout = timedelta(seconds=self.deadline)
        options._devices = [_device(self.meet.store.host, self.interface)]
        store = dist.PrefixStore(f"group/{self.meet.generation}", getattr(self.meet.store, "raw", self.meet.store))
        group = dist.ProcessGroupGloo(store, self.nodes.index(self.node), len(self.nodes), options)
        self.meet.gather("ready", {self.node: True}, self.nodes, LOADING)
        self.meet.members = [node for node in self.nodes if node != self.node]
        return group

    def holds(self, node: int) -> bool:
        """Whether this process is that node."""
        return node == self.node

    @property
    def first(self) -> bool:
        """Whether this rank does what one has to do for all."""
        return self.node == self.nodes[0]

    def gather(self, what: str, local: Mapping[int, Any], silos: Sequence[int] | None = None) -> dict[int, Any]:
        """All silos' JSON under one name, told once; PlumbingError if this silo tells something else later."""
        own = {silo: value for silo, value in local.items() if silo == self.node}
        while what not in self._told:
            awaited = [node for node in self.nodes if node >= 0] if silos is None else silos
            try:
                self._told[what] = own, self.meet.gather(what, own, awaited, self.deadline)
            except SiloLost as lost:  # all are here, or come here: what a silo has told stays in the store
                self._regroup(lost)
        if own != self._told[what][0]:
            raise PlumbingError(f"{what}: silo {self.node} said {self._told[what][0]} before, and now {own}")
        return dict(self._told[what][1])

    def deliver(self, messages: list[Message], stage: str, round: int, awaited: Sequence[Awaited] = ()) -> list[Message]:
        """Send this node's messages and wait for those that are due to it, in the plan's order."""
        self._account(messages, stage, round)
        rooms = [(due, room(due.bytes + self.header), self._number(due.src, due.dst)) for due in awaited]
        jobs = [(m.dst, self._sending(self._sealed(m, stage, round, n), m.dst, n)) for m, n in self._numbered(messages)]
        jobs += [(due.src, self._receiving(data, due.src, n)) for due, data, n in rooms]
        self._wait(jobs)
        return [decode(self._opened(data, due, n), due, stage, round, n) for due, data, n in rooms]

    def _sealed(self, message: Message, stage: str, round: int, number: int) -> Tensor:
        data = encode(message, stage, round, number)
        if self.meet.channel is None:
            return data
        return as_tensor(self.meet.channel.sealed(data.numpy().tobytes(), *self._about(message.src, message.dst, number)))

    def _opened(self, data: Tensor, due: Awaited, number: int) -> Tensor:
        """PlumbingError where a message comes from who has not the run's key; all ranks are told."""
        if self.meet.channel is None:
            return data
        try:
            return as_tensor(self.meet.channel.opened(data.numpy().tobytes(), *self._about(due.src, due.dst, number)))
        except PlumbingError as refused:
            self.meet.declare(self.node, str(refused), dead=False)
            raise

    def _about(self, src: int, dst: int, number: int) -> tuple[str | int, ...]:
        return "session", self.meet.session, "group", self.meet.generation, "message", src, "to", dst, "number", number

    def settle(self, stage: str, round: int, metered: int) -> None:
        """PlumbingError where the meter of a round counted other bytes than were handed to gloo."""
        payload = self.sent.get((stage, round), [0])[0]
        if payload != metered:
            raise PlumbingError(f"{stage}, round {round}: {metered} bytes were metered at node {self.node}, {payload} were sent")

    def committed(self, stage: str, round: int) -> None:
        """Return when all nodes have finished their part of a round. SiloLost, at all of them, where one died before."""
        if not self.close:
            return
        key = f"{self.meet.generation}/{stage}, round {round}"
        if self.meet.store.add(f"{key}/finished", 1) == len(self.nodes):
            self.meet.once(f"{key}/verdict", "commit")
        while (verdict := self.meet.read(f"{key}/verdict")) is None:
            if self.meet.found is not None:
                self.meet.once(f"{key}/verdict", "repeat")
            time.sleep(POLL)
        if verdict == "repeat":
            raise self.meet.lost()

    def repeat(self, lost: SiloLost, stage: str, round: int) -> None:
        """Make ready to go through a round's exchange again, without the silo that died; or raise, where that cannot be."""
        if self.close:
            self.meet.once(f"{self.meet.generation}/{stage}, round {round}/verdict", "repeat")
        self._regroup(lost)
        self.wasted = [a + b for a, b in zip(self.wasted, self.sent.pop((stage, round), [0, 0, 0]), strict=True)]

    def _regroup(self, lost: SiloLost) -> None:
        """A new group of those that are left, on new sockets."""
        node = lost.node
        left = [other for other in self.nodes if other != node]
        if not self.close or not lost.dead or node is None or node < 0 or node == self.node:
            raise lost
        if sum(other >= 0 for other in left) < 2:
            raise SiloLost(node, f"{lost.why}; one silo is left", True, lost.place)
        self.gone[node] = lost.place or "start"
        self.nodes = left
        self._told = {what: (own, {n: v for n, v in said.items() if n != node}) for what, (own, said) in self._told.items()}
        self._numbers = {}
        self._former.append(self.group)
        self.meet.renew()
        self.group = self._join()

    def _account(self, messages: Sequence[Message], stage: str, round: int) -> None:
        if (stage, round) not in self.sent:
            self.meet.put(f"place/{self.node}", f"{stage}, round {round}")
        counted = self.sent.setdefault((stage, round), [0, 0, 0])
        for message in messages:
            counted[0] += message.bytes
            counted[1] += self.header
            counted[2] += 1

    def _number(self, src: int, dst: int) -> int:
        """Which message of this pair it is: its tag, the same at both ends."""
        self._numbers[src, dst] = self._numbers.get((src, dst), -1) + 1
        return self._numbers[src, dst]

    def _numbered(self, messages: Sequence[Message]) -> list[tuple[Message, int]]:
        return [(m, self._number(m.src, m.dst)) for m in messages]

    def _sending(self, data: Tensor, dst: int, number: int) -> Callable[[], None]:
        group, rank = self.group, self.nodes.index(dst)
        return lambda: _finish(group.send([data], rank, number), self.deadline)

    def _receiving(self, data: Tensor, src: int, number: int) -> Callable[[], None]:
        group, rank = self.group, self.nodes.index(src)
        return lambda: _finish(group.recv([data], rank, number), self.deadline)

    def _wait(self, jobs: Sequence[tuple[int, Callable[[], None]]]) -> None:
        """All at once, each in a thread: gloo's own waiting cannot be interrupted, and somebody else may be lost meanwhile."""
        ended: queue.SimpleQueue[tuple[int, Exception | None]] = queue.SimpleQueue()
        for peer, job in jobs:
            threading.Thread(target=_run, args=(peer, job, ended), daemon=True).start()
        try:
            self._all([peer for peer, _ in jobs], ended)
        finally:
            if jobs:
                self.meet.waits([])

    def _all(self, waiting: list[int], ended: queue.SimpleQueue[tuple[int, Exception | None]]) -> None:
        began = time.monotonic()
        while waiting:
            try:
                peer, failed = ended.get(timeout=POLL)
            except queue.Empty:
                self.meet.look()
                if time.monotonic() - began > TELL:
                    self.meet.waits(waiting)
                continue
            if failed is not None:
                raise self._lost(peer, failed)
            waiting.remove(peer)

    def _lost(self, peer: int, failed: Exception) -> SiloLost:
        """Who is to blame for a failed hop. Whoever was kept waiting tells at once, for with its wait gloo closes all its sockets.

        A closed socket is therefore blamed on the neighbour only if nobody has told of another meanwhile.
        """
        if "imed out" in str(failed) or "imeout" in str(failed):  # the wait itself, or another that gloo ended with it
            self.meet.look()
            late = self.meet.culprit([peer, *self.meet.reported])
            return self.meet.declare(late, f"it sent nothing within the deadline of {self.deadline:g} s")
        until = time.monotonic() + GRACE
        while time.monotonic() < until:
            self.meet.look()
            time.sleep(POLL)
        return self.meet.declare(peer, "its connection was closed")


def _device(host: str, interface: str) -> Any:
    import os

    gloo = distributed().ProcessGroupGloo
    os.environ["TORCH_GLOO_LAZY_INIT"] = "1"
    if interface:
        return gloo.create_device(interface=interface, lazy_init=True)
    if host in ("127.0.0.1", "localhost", "::1"):
        return gloo.create_device(hostname="127.0.0.1", lazy_init=True)
    return gloo.create_default_device(lazy_init=True)


def _finish(work: Any, seconds: float) -> None:
    work.wait(timedelta(seconds=seconds))


def _run(peer: int, job: Callable[[], None], ended: queue.SimpleQueue[tuple[int, Exception | None]]) -> None:
    try:
        job()
    except Exception as failed:  # noqa: BLE001 - handed to the thread that waits
        ended.put((peer, failed))
    else:
        ended.put((peer, None))
