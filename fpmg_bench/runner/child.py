"""A running trial as the parent sees it: process groups, a stream of events, limits."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from fpmg_bench.devices import CPU
from fpmg_bench.runner import usage
from fpmg_bench.runner.devices import GIVEN
from fpmg_bench.store import Planned

# One thread everywhere: sums differ between thread counts. Fixed before any of these libraries is imported.
SINGLE_THREADED: Mapping[str, str] = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "PYTHONHASHSEED": "0",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pandas imports pyarrow, whose allocator would start a thread
}
PARENT = "FPMG_PARENT"
LOST = 75  # exit code of a process whose other half has ended
LIMIT = "limits.trial"
GIB = 1 << 30
PATIENCE = 10  # times the limit in CPU seconds that a trial may take by the clock: a busy machine fails no trial
GRACE = 3.0  # seconds between asking and killing
WORD = 1.0  # seconds in which word of an ended process is there
TAIL = 5  # lines of the log that explain a crash
LOG = 1 << 16  # bytes of it that are looked at


class Process(Protocol):
    """A process that leads a session: what of `subprocess.Popen` is needed. cpu: CPU seconds, once it has ended and where known."""

    pid: int
    returncode: int | None
    stdout: IO[bytes] | None
    cpu: float

    @property
    def leader(self) -> int: ...  # the session whose use counts as its; 0 for none

    def poll(self) -> int | None: ...
    def wait(self) -> int: ...


class Own(subprocess.Popen[bytes]):
    """A process with an interpreter of its own."""

    cpu: float = 0.0

    @property
    def leader(self) -> int:
        """Its session."""
        return self.pid

    @classmethod
    def start(
        cls, command: Sequence[str], log: IO[bytes], keep: Sequence[int] = (), stdout: IO[bytes] | None = None, device: str = CPU
    ) -> Own:
        """Its stderr, and what libraries print, go to `log`; its events to a pipe, where no other place is named. keep: descriptors."""
        env = {**os.environ, **SINGLE_THREADED, PARENT: str(os.getpid()), GIVEN: device}
        out = stdout or subprocess.PIPE
        return cls(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=env, start_new_session=True, pass_fds=keep)


@dataclass(slots=True)
class Child:
    """One running trial: the process that tells its events, and others that serve that one.

    `place`: the latest stage and round it told of; `done`: its own last word; `said`: the kinds of its events.
    """

    trial: Planned
    process: Process
    log: Path
    started: float
    others: list[Process] = field(default_factory=list)
    place: str = "start"
    done: Mapping[str, Any] | None = None
    said: set[str] = field(default_factory=set)
    rest: bytes = field(default=b"")
    spent: float = 0.0  # CPU seconds of its processes that have ended
    code: int | None = None  # how it ended, once closed: where its other half had gone before, how that did
    retried: bool = False
    device: str = CPU

    @classmethod
    def of(cls, trial: Planned, process: Process, log: Path, others: Sequence[Process] = (), device: str = CPU) -> Child:
        """A trial whose process has just been started."""
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        return cls(trial, process, log, time.monotonic(), list(others), device=device)

    def follow(self, next: Child) -> None:
        """Go on with the processes of another child of the same trial, after those of this one."""
        self.close()
        self.process, self.others, self.rest, self.code = next.process, next.others, b"", None
        self.said.clear()

    @property
    def fd(self) -> int:
        """File descriptor of the event stream."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.started

    @property
    def leaders(self) -> list[int]:
        """The sessions of its processes."""
        return [process.leader for process in (self.process, *self.others) if process.leader]

    @property
    def killed(self) -> bool:
        """Whether a process of it, which is closed, was killed from outside; its limits do not count as that."""
        return self.code == -signal.SIGKILL

    def over(self, within: Mapping[int, list[int]], memory: float) -> str:
        """Which of its limits it is over; "" for none. within: `usage.sessions` now; memory: bytes."""
        limit = self.trial.spec.limit_seconds
        if self.spent + usage.cpu_seconds(self.leaders, within) > limit:
            return f"over the limit of {limit:g} CPU s a trial ({LIMIT})"
        if self.seconds > PATIENCE * limit:
            return f"over {PATIENCE} times the limit of {limit:g} s a trial ({LIMIT}): it hangs, or the machine is overloaded"
        used = usage.own_bytes(self.leaders, within) if usage.resident(self.leaders, within) > memory else 0
        return (
            f"{used / GIB:.2f} GiB are over the limit of {memory / GIB:.2f} GiB a trial (limits.memory)" if used > memory else ""
        )

    def events(self) -> list[dict[str, Any]]:
        """What it has told since the last call; a torn last line waits for its end."""
        with contextlib.suppress(BlockingIOError):
            while block := os.read(self.fd, 1 << 16):
                self.rest += block
        *lines, self.rest = self.rest.split(b"\n")
        found = [json.loads(line) for line in lines if line.startswith(b"{")]
        for event in found:
            self._note(event)
        return found

    def _note(self, event: Mapping[str, Any]) -> None:
        self.said.add(event["event"])
        if event["event"] == "done":
            self.done = event
        elif event["event"] == "stage":
            self.place = str(event["name"])
        elif event["event"] == "round":
            self.place = f"{event['stage']}, round {event['round']}"

    def signal(self, number: int) -> None:
        """Signal all its process groups."""
        for process in (self.process, *self.others):
            with contextlib.suppress(ProcessLookupError):
                if process.pid and process.returncode is None:
                    os.killpg(process.pid, number)

    def close(self) -> None:
        """Make sure that nothing of it is left, and release the streams."""
        self.code = self._ended_with()
        self.signal(signal.SIGKILL)
        for process in (self.process, *self.others):
            process.wait()
            self.spent += process.cpu
            if process.stdout is not None:
                process.stdout.close()

    def _ended_with(self) -> int:
        """The exit code of the process that ended by itself; of another's end word may still be on its way."""
        until = time.monotonic() + WORD
        while self.process.returncode == LOST and time.monotonic() < until:
            ended = [code for other in self.others if (code := other.poll()) not in (None, 0, LOST)]
            if ended:
                return ended[0] or 0
            time.sleep(0.005)
        return self.process.returncode or 0

    def crash(self) -> str:
        """Why it ended without a word: the signal or exit code, and the end of its log."""
        code = (self.process.returncode or 0) if self.code is None else self.code
        if code < 0:
            why = f"killed by {signal.Signals(-code).name}" + (" (out of memory?)" if code == -signal.SIGKILL else "")
        else:
            why = f"ended with exit code {code} and no result"
        tail = " | ".join(line.strip() for line in self._end_of_log().splitlines()[-TAIL:] if line.strip())
        return f"{why}: {tail[-600:]}" if tail else why

    def _end_of_log(self) -> str:
        """However much libraries have printed."""
        if not self.log.is_file():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - LOG))
            return file.read(LOG).decode(errors="replace")


def stop_all(children: Sequence[Child], grace: float = GRACE) -> None:
    """Ask every group to end, then kill what has not ended after `grace` seconds."""
    for child in children:
        child.signal(signal.SIGTERM)
    until = time.monotonic() + grace
    try:
        while any(child.process.pid and child.process.poll() is None for child in children) and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        for child in children:
            child.close()
