"""Runs trials as subprocesses, as many at a time as there are jobs, and tells what happens to them."""

from __future__ import annotations

import contextlib
import math
import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fpmg_bench.devices import CPU
from fpmg_bench.runner import usage
from fpmg_bench.runner.child import LIMIT, Child, stop_all
from fpmg_bench.runner.devices import Seats
from fpmg_bench.runner.estimate import remaining, seconds_by_method
from fpmg_bench.runner.order import Queue
from fpmg_bench.runner.processes import Processes
from fpmg_bench.store import Planned, RunDir, ScoreLog, write_json

Tell = Callable[[dict[str, Any]], None]
POLL = 0.1  # seconds between looks at processes that say nothing
LOOK = 1.0  # and between looks at what they use


@dataclass(slots=True)
class Execution:
    """The running of one plan. processes: starts trials; tell: gets every event with its trial's id; memory: bytes that one may use.

    lost: trials that were started again because a process of theirs was killed from outside.
    """

    run: RunDir
    queue: Queue
    jobs: int
    processes: Processes
    tell: Tell
    preimages: Mapping[str, Mapping[str, Any]]
    stop_on_error: bool = False
    memory: float = math.inf
    looked: float = 0.0
    lost: list[str] = field(default_factory=list)
    seats: Seats = field(default_factory=Seats)
    running: list[Child] = field(default_factory=list)
    status: dict[str, str] = field(default_factory=dict)
    total: int = 0
    used: dict[str, float] = field(default_factory=dict)

    def __call__(self) -> bool:
        """Run all. False if interrupted: then nothing of it is running any more, and what was finished stays."""
        self.total = len(self.queue.waiting)
        try:
            with interruptible():
                while self.running or self.queue.waiting:
                    self._launch()
                    if not self.running:
                        break
                    self._listen()
                    over = self._over()
                    for child in list(self.running):
                        self._look_at(child, over.get(child.trial.key, ""))
        except KeyboardInterrupt:
            return False
        finally:
            stop_all(self.running)
            self.used = self.processes.cpu()
            self.processes.close()
        return True

    def _launch(self) -> None:
        if self.stop_on_error and any(status != "ok" for status in self.status.values()):
            return
        while len(self.running) < self.jobs:
            trial = self.queue.take([child.trial for child in self.running], lambda trial: self._seat(trial) is not None)
            if trial is None:
                return
            write_json(self.run.trial(trial.key) / "key.json", self.preimages.get(trial.key, {}))
            self.processes.settle([trial, *self.queue.waiting], (child.trial for child in self.running))
            self._start(trial, self._seat(trial) or CPU)
            self.tell({"event": "start", "trial": trial.id})

    def _seat(self, trial: Planned) -> str | None:
        """The device for a trial now; None: all are full."""
        return self.seats.free(trial.spec.device, (child.device for child in self.running))

    def _start(self, trial: Planned, device: str, *, again: bool = False) -> Child:
        child = self.processes.start(trial, self.run.trial(trial.key) / "log.txt", device, again=again)
        self.running.append(child)
        return child

    def _over(self) -> dict[str, str]:
        """Key -> which limit a running trial is over; looked at once a second, since it costs a look at every process."""
        if time.monotonic() - self.looked < LOOK:
            return {}
        self.looked, within = time.monotonic(), usage.sessions()
        return {child.trial.key: why for child in self.running if (why := child.over(within, self.memory))}

    def _listen(self) -> None:
        """Pass on what the children tell, or wait a moment."""
        with selectors.DefaultSelector() as selector:
            for child in self.running:
                selector.register(child.fd, selectors.EVENT_READ, child)
            for key, _ in selector.select(POLL):
                self._pass_on(key.data)

    def _pass_on(self, child: Child) -> None:
        for event in child.events():
            self.tell({**event, "trial": child.trial.id})

    def _look_at(self, child: Child, over: str) -> None:
        """End a child that is over, or over a limit; or go on with the next process of its trial."""
        has_ended = child.process.poll() is not None
        if has_ended:
            self._pass_on(child)
        if over and child.done is None:
            # before an end is asked for: a scene that loads for several trials, all over the limit, has ended with the first of them
            stop_all([child])
            status, reason, record = "timeout" if LIMIT in over else "failed", over, True
        elif has_ended:
            if child.done is None and self.processes.go_on(child):
                return
            child.close()
            child.done = child.done or self._last_word(child)
            if child.done is None and child.killed and self._again(child):
                return
            status, reason, record = self._outcome(child)
        else:
            return
        if not (record and self._goes_on(child, status, reason)):
            self._end(child, status, reason, record)

    def _last_word(self, child: Child) -> dict[str, Any] | None:
        """Of one that was killed after it had written its result and before it could say so: that result."""
        written = self.run.trial(child.trial.key) / "trial.json"
        fresh = child.killed and written.exists() and written.stat().st_mtime >= time.time() - child.seconds
        return self.run.result(child.trial.key) if fresh else None

    def _again(self, child: Child) -> bool:
        """A trial of which a process was killed from outside goes on once more where it was."""
        if child.retried:
            return False
        self.running.remove(child)
        again = self._start(child.trial, child.device, again=True)
        again.retried, again.started = True, child.started
        self.lost.append(child.trial.id)
        self.tell({"event": "note", "trial": child.trial.id, "text": f"{child.crash()}; it is started again, once"})
        return True

    def _goes_on(self, child: Child, status: str, reason: str) -> bool:
        """A metric in which a process ended, or met its limit, costs itself alone: a new process, under a limit of its own, does the rest."""
        stage, _, metric = child.place.partition(":")
        log = self._scores(child.trial)
        if stage != "measure" or metric in log.rows or metric in log.ended:
            return False
        log.end(metric, status, reason)
        self.running.remove(child)
        self._start(child.trial, child.device, again=True)
        self.tell(
            {"event": "note", "trial": child.trial.id, "text": f"metric '{metric}': {reason}; the others are measured without it"}
        )
        return True

    def _scores(self, trial: Planned) -> ScoreLog:
        return ScoreLog.open(self.run.trial(trial.key), trial.measure)

    def _outcome(self, child: Child) -> tuple[str, str, bool]:
        """(status, reason, whether the parent has to record it)."""
        if child.done is not None and self.run.result(child.trial.key) is not None:
            return str(child.done["status"]), str(child.done.get("reason") or ""), False
        return "failed", child.crash(), True

    def _end(self, child: Child, status: str, reason: str, record: bool) -> None:
        self.running.remove(child)
        seconds = child.seconds
        if record:
            scores = self._scores(child.trial).whole
            result = {"status": status, "reason": reason, "where": child.place, "seconds": {"total": seconds}, "scores": scores}
            self.run.write_result(child.trial, result)
        self.status[child.trial.key] = status
        ended = {"status": status, "reason": reason, "where": child.place, "seconds": seconds}
        self.tell({"event": "end", "trial": child.trial.id, **ended})
        self._progress()

    def _progress(self) -> None:
        left = [*self.queue.waiting, *(child.trial for child in self.running)]
        eta = remaining(left, seconds_by_method(self.run), self.jobs, self.run.stage1_ready)
        self.tell({"event": "progress", "done": len(self.status), "total": self.total, "eta": eta})


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """A polite SIGTERM counts as Ctrl-C. Handlers can only be set in the main thread; elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
