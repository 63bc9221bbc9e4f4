"""Trials as forks of warm processes: the runner's side. See lives.py for what those do."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from fpmg_bench.devices import CPU
from fpmg_bench.runner import usage
from fpmg_bench.runner.child import WORD, Child, Own, Process
from fpmg_bench.runner.forking import send_order
from fpmg_bench.runner.processes import Processes
from fpmg_bench.store import Planned, RunDir

LOG = "warm.log"
LONGEST = 1 << 16


@dataclass(slots=True, eq=False)
class Forked:
    """A fork of a nest. pid 0: not forked yet; given_up: ended before that; loaded: a scene that has forked."""

    nest: Nest
    stdout: IO[bytes] | None = None
    pid: int = 0
    returncode: int | None = None
    cpu: float = 0.0
    given_up: bool = False
    loaded: bool = False

    def poll(self) -> int | None:
        """Exit code; None while it runs."""
        self.nest.listen()
        return self.returncode

    @property
    def leader(self) -> int:
        """Its session; before it is forked that of the scene that is still loading for it; 0 for none."""
        loading = self.nest.process
        return self.pid or (loading.pid if isinstance(loading, Forked) and not loading.loaded else 0)

    def wait(self) -> int:
        """Until it has ended. What is not forked yet is given up: a scene that is still loading ends with it."""
        if self.poll() is None and not self.pid:
            self.given_up = True
            if isinstance(self.nest.process, Forked):
                self.nest.close()
            return -signal.SIGKILL
        while (code := self.poll()) is None:
            time.sleep(0.005)
        return code


@dataclass(slots=True, eq=False)
class Nest:
    """A process that forks on order (of a scene's: who leads that), and the socket on which it is told to. unsafe: why it does not."""

    orders: socket.socket
    process: Process | None = None
    waiting: deque[Forked] = field(default_factory=deque)
    forks: dict[int, Forked] = field(default_factory=dict)
    unsafe: str = ""
    gone: bool = False

    @property
    def why(self) -> str:
        """Why neither it forks, nor what it was forked from."""
        return self.unsafe or (self.process.nest.why if isinstance(self.process, Forked) else "")

    def fork(self, order: Mapping[str, Any], fds: Sequence[int], stdout: IO[bytes] | None) -> Forked:
        """Have a process forked."""
        fork = Forked(self, stdout)
        try:
            send_order(self.orders, order, fds)
            self.waiting.append(fork)
        except (BrokenPipeError, ConnectionResetError):
            self.listen()  # it may have said why
            if not self.gone:
                self._end()
            fork.returncode = self._ended_with()
        return fork

    def listen(self) -> None:
        """Take notice of what it has said."""
        while not self.gone:
            try:
                data = self.orders.recv(LONGEST, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionResetError:
                continue  # told once, where it has not read all orders; what it has said before comes after this, then its end
            if not data:
                return self._end()
            self._hear(json.loads(data))

    def _hear(self, said: Mapping[str, Any]) -> None:
        if "pid" in said:
            if isinstance(self.process, Forked):
                self.process.loaded = True
            fork = self.waiting.popleft()
            fork.pid = said["pid"]
            self.forks[fork.pid] = fork
            if fork.given_up:
                os.killpg(fork.pid, signal.SIGKILL)
        elif "unsafe" in said:
            self.unsafe = said["unsafe"]
            if self.waiting:
                self.waiting.popleft().returncode = -signal.SIGKILL
        elif said["ended"] in self.forks:
            fork = self.forks.pop(said["ended"])
            fork.returncode, fork.cpu = said["code"], said["cpu"]

    def _end(self) -> None:
        """All its forks die with it."""
        self.gone = True
        code = self._ended_with()
        for fork in (*self.waiting, *self.forks.values()):
            fork.returncode = code
        self.waiting.clear()
        self.forks.clear()

    def _ended_with(self) -> int:
        """How it ended; word of that may still be on its way. Half a scene counts as killed."""
        until = time.monotonic() + WORD
        while self.process is not None and self.process.poll() is None and self.process.pid and time.monotonic() < until:
            time.sleep(0.005)
        code = None if self.process is None else self.process.returncode
        return -signal.SIGKILL if code is None else code

    def close(self) -> None:
        """End it, with all its forks."""
        self.orders.close()
        if self.process is not None and self.process.pid > 0 and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        if not self.gone:
            self._end()


@dataclass(slots=True)
class Halves:
    """A scene as the runner sees it: who forks its measurers, and who its trainers."""

    measuring: Nest
    training: Nest

    @property
    def gone(self) -> bool:
        """Whether one of them has ended."""
        self.measuring.listen()
        self.training.listen()
        return not self.unsafe and (self.measuring.gone or self.training.gone)

    @property
    def unsafe(self) -> str:
        """Why it does not fork."""
        return self.measuring.why or self.training.why

    def close(self) -> None:
        self.training.close()
        self.measuring.close()


@dataclass(slots=True)
class Warm:
    """fresh: how a trial starts whose scene cannot fork. sharing: side -> trials of this run that share it; scene_of: key -> scene."""

    run: RunDir
    fresh: Processes
    sharing: Counter[str]
    scene_of: dict[str, str]
    tell: Callable[[dict[str, Any]], None]
    zygote: Nest | None = None
    scenes: dict[str, Halves] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    trained: set[str] = field(default_factory=set)
    unsafe: set[str] = field(default_factory=set)
    spent: dict[str, float] = field(default_factory=lambda: {"zygote": 0.0, "scenes": 0.0})

    @classmethod
    def of(cls, run: RunDir, fresh: Processes, todo: Iterable[Planned], tell: Callable[[dict[str, Any]], None]) -> Warm:
        """For these trials. tell: gets notes."""
        once = {trial.key: trial for trial in todo}
        sharing = Counter(trial.side for trial in once.values())
        return cls(run, fresh, sharing, {key: trial.scene for key, trial in once.items()}, tell)

    def start(self, trial: Planned, log: Path, device: str = CPU, *, again: bool = False) -> Child:
        """As a trainer, or where nothing is to be trained, or is already, as a measurer. Devices have been tried with interpreters only."""
        if device != CPU:
            return self.fresh.start(trial, log, device, again=again)
        if why := self._halves(trial).unsafe:
            return self._apart(trial, log, why, again=again)
        log.parent.mkdir(parents=True, exist_ok=True)
        if not again:
            log.write_bytes(b"")
        known = trial.key in self.trained or ((log.parent / "state.safetensors").exists() and not trial.spec.frames)
        processes = self._measurer(trial, log) if not trial.spec.trains or known else self._trainer(trial, log)
        return Child.of(trial, processes[0], log, processes[1:])

    def go_on(self, child: Child) -> bool:
        """A measurer after a trainer; a trainer after a measurer that found nothing to measure."""
        if isinstance(child.process, Forked) and (why := child.process.nest.why):
            child.follow(self._apart(child.trial, child.log, why, again=True))
            return True
        if child.process.returncode or not child.said & {"trained", "untrained"}:
            return False
        trial = child.trial
        if "trained" in child.said:
            self.trained.add(trial.key)
        elif trial.key in self.trained:
            return False  # what was trained a moment ago is not to be found: training again would find it no better
        processes = self._measurer(trial, child.log) if trial.key in self.trained else self._trainer(trial, child.log)
        child.follow(Child.of(trial, processes[0], child.log, processes[1:]))
        return True

    def _apart(self, trial: Planned, log: Path, why: str, *, again: bool) -> Child:
        name = self.scene_of[trial.key]
        if name not in self.unsafe:
            self.unsafe.add(name)
            place = f"{trial.spec.dataset_name}, seed {trial.spec.seed}"
            self.tell(
                {"event": "note", "text": f"{place}: no process is forked, for {why}; each trial has an interpreter of its own"}
            )
        return self.fresh.start(trial, log, again=again)

    def _trainer(self, trial: Planned, log: Path) -> list[Forked]:
        extra = {"frames": self._frames(trial)} if trial.spec.frames else {}
        if not trial.spec.budget.evaluate_every:
            return [self._fork(self._halves(trial).training, "trainer", trial, log, extra)]
        (mine, theirs), (asking, drawing) = socket.socketpair(), socket.socketpair()
        with mine, theirs, asking, drawing:
            sampler = self._fork(self._zygote(), "sampler", trial, log, {"asked": drawing.fileno()})
            onlooker = self._fork(
                self._halves(trial).measuring, "onlooker", trial, log, {"trainer": theirs.fileno(), "sampler": asking.fileno()}
            )
            trainer = self._fork(self._halves(trial).training, "trainer", trial, log, {**extra, "onlooker": mine.fileno()})
        return [trainer, onlooker, sampler]

    def _measurer(self, trial: Planned, log: Path) -> list[Forked]:
        extra = {"frames": self._frames(trial)} if trial.spec.frames else {}
        asking, drawing = socket.socketpair()
        with asking, drawing:
            sampler = self._fork(self._zygote(), "sampler", trial, log, {"asked": drawing.fileno()})
            measurer = self._fork(self._halves(trial).measuring, "measurer", trial, log, {"sampler": asking.fileno(), **extra})
        return [measurer, sampler]

    def _frames(self, trial: Planned) -> int:
        """A file without a name, which goes with the runner: nothing that silos received reaches a disk."""
        if trial.key not in self.frames:
            self.frames[trial.key] = os.memfd_create("frames")
        return self.frames[trial.key]

    def _fork(self, nest: Nest, role: str, trial: Planned, log: Path, extra: Mapping[str, int]) -> Forked:
        order = {
            "role": role,
            "trial": trial.to_json(),
            "extra": list(extra),
            "side": trial.side,
            "sharing": self.sharing[trial.side],
        }
        ends, starts = os.pipe()
        with log.open("ab") as file, os.fdopen(starts, "wb") as events:
            return nest.fork(order, [events.fileno(), file.fileno(), *extra.values()], os.fdopen(ends, "rb", buffering=0))

    def _halves(self, trial: Planned) -> Halves:
        name = self.scene_of[trial.key]
        if name in self.scenes and self.scenes[name].gone:
            self._close(name)
        if name not in self.scenes:
            self.scenes[name] = self._new_scene(trial)
        return self.scenes[name]

    def _new_scene(self, trial: Planned) -> Halves:
        zygote = self._zygote()
        (mine, theirs), (orders, taken) = _pair(), _pair()
        with theirs, taken:
            extra = {"measuring": theirs.fileno(), "training": taken.fileno()}
            leader = self._fork(zygote, "scene", trial, self.run.root / LOG, extra)
        return Halves(Nest(mine, leader), Nest(orders, leader))

    def _zygote(self) -> Nest:
        if self.zygote is not None:
            self.zygote.listen()
            if not self.zygote.gone:
                return self.zygote
            self._close_all()
        mine, theirs = _pair()
        with theirs, (self.run.root / LOG).open("ab") as log:
            self.zygote = Nest(mine, hatched([str(self.run.root), str(theirs.fileno())], log, theirs.fileno()))
        return self.zygote

    def cpu(self) -> dict[str, float]:
        """Of the zygote and the scenes, ended ones too."""
        now = self._living()
        return {what: spent + now[what] for what, spent in self.spent.items()}

    def _living(self) -> dict[str, float]:
        """Of those that run. What their ended forks took is counted with the trials."""
        zygote = self.zygote.process.pid if self.zygote is not None and self.zygote.process is not None else 0
        return {"zygote": usage.own_cpu(zygote) if zygote else 0.0, "scenes": _cpu_of(self.scenes.values())}

    def settle(self, waiting: Iterable[Planned], running: Iterable[Planned]) -> None:
        """End the scenes that none of these trials is in."""
        needed = {self.scene_of[trial.key] for trial in (*waiting, *running)}
        for name in [name for name in self.scenes if name not in needed]:
            self._close(name)

    def _close(self, name: str) -> None:
        halves = self.scenes.pop(name)
        self.spent["scenes"] += _cpu_of([halves])
        halves.close()

    def _close_all(self) -> None:
        for name in list(self.scenes):
            self._close(name)
        if self.zygote is not None:
            self.spent["zygote"] += self._living()["zygote"]
            self.zygote.close()
            self.zygote = None

    def close(self) -> None:
        """End scenes and zygote, and drop the frames."""
        self._close_all()
        for file in self.frames.values():
            os.close(file)
        self.frames.clear()


def hatched(words: Sequence[str], log: IO[bytes], orders: int) -> Process:
    """A zygote with an interpreter of its own, and the socket of its orders."""
    command = [sys.executable, "-P", "-m", "fpmg_bench.runner.zygote", *words]
    return Own.start(command, log, [orders], stdout=log)


def _cpu_of(scenes: Iterable[Halves]) -> float:
    """CPU seconds of both halves of these scenes, while they live."""
    within = usage.sessions()
    leaders = [halves.measuring.process.pid for halves in scenes if halves.measuring.process is not None]
    return sum(usage.own_cpu(pid) for leader in leaders if leader for pid in within.get(leader, ()))


def _pair() -> tuple[socket.socket, socket.socket]:
    """For orders: whole messages, in order."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
