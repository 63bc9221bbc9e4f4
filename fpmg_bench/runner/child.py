"""A trial's subprocess as the parent sees it: a process group, a stream of events, a limit."""

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
from typing import Any

from fpmg_bench.devices import CPU
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
}
PARENT = "FPMG_PARENT"
GRACE = 3.0  # seconds between asking and killing
TAIL = 5  # lines of the log that explain a crash
LOG = 1 << 16  # bytes of it that are looked at


@dataclass(slots=True)
class Child:
    """One running trial. `place`: the latest stage and round it told of; `done`: its own last word."""

    trial: Planned
    process: subprocess.Popen[bytes]
    log: Path
    started: float
    device: str = CPU
    place: str = "start"
    done: Mapping[str, Any] | None = None
    rest: bytes = field(default=b"")

    @classmethod
    def start(cls, trial: Planned, command: Sequence[str], log: Path, device: str = CPU, *, again: bool = False) -> Child:
        """Start the trial in a session of its own; its stderr, and what libraries print, go to `log` (again: after what is there)."""
        log.parent.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, **SINGLE_THREADED, PARENT: str(os.getpid()), GIVEN: device}
        with log.open("ab" if again else "wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file, env=env, start_new_session=True
            )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        return cls(trial, process, log, time.monotonic(), device)

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
    def overdue(self) -> bool:
        """Whether it is over its limit."""
        return self.seconds > self.trial.spec.limit_seconds

    def events(self) -> list[dict[str, Any]]:
        """What it has told since the last call; a torn last line waits for its end."""
        with contextlib.suppress(BlockingIOError):
            while block := os.read(self.fd, 1 << 16):
                self.rest += block
        *lines, self.rest = self.rest.split(b"\n")
        found = [json.loads(line) for line in lines if line.startswith(b"{")]
        for event in found:
            self._follow(event)
        return found

    def _follow(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "done":
            self.done = event
        elif event["event"] == "stage":
            self.place = str(event["name"])
        elif event["event"] == "round":
            self.place = f"{event['stage']}, round {event['round']}"

    def signal(self, number: int) -> None:
        """Signal the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Make sure that nothing of the group is left, and release the stream."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def crash(self) -> str:
        """Why it ended without a word: the signal or exit code, and the end of its log."""
        code = self.process.returncode
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
        while any(child.process.poll() is None for child in children) and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        for child in children:
            child.close()
