"""The task that a Dask worker gets: one scene. Text and bytes go in, text comes out; trials come back through a queue, each when it ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cluster import travel
from fpmg_bench.cluster.process import BRIEF
from fpmg_bench.errors import FpmgError
from fpmg_bench.keys import digest
from fpmg_bench.runner.child import GRACE, PARENT, SINGLE_THREADED
from fpmg_bench.store import Planned, RunDir, write_json

if TYPE_CHECKING:
    from distributed import Queue, Worker

POLL = 0.1  # seconds between looks at a scene that says nothing
TELL = 0.5  # seconds between messages of events
TAIL = 600  # characters of a log that explain an end
_checked: dict[str, list[str]] = {}  # of this worker: what differed, for a run's components and cohort
_checking = threading.Lock()


class Stopped(Exception):
    """Nobody wants the scene any more, or the worker is closing."""


def run_scene(brief: str, bundle: bytes) -> str:
    """Run a scene's trials in a run directory of their own. brief: JSON; bundle: what is there of them already (`travel.pack`).

    Gives JSON: who ran it, and "lost" (whoever had begun it before, then nothing ran) or "refused" (what differs here).
    """
    from distributed import get_client, get_worker

    worker, told = get_worker(), json.loads(brief)
    who = {"worker": str(worker.name), "address": worker.address}
    client = get_client()
    claim = [told["queue"], told["ticket"]]
    if before := client.get_metadata(claim, None):  # Dask gives a lost worker's task to the next: it is the runner that decides
        return json.dumps(who | {"lost": before})
    client.set_metadata(claim, who)
    from distributed import Queue

    outbox = Outbox(Queue(told["queue"], client=client), told["ticket"], _ending(worker))
    outbox.put({"begin": who["worker"]})
    with _folder(worker, told, bundle) as run:
        if found := _refusals(run, told):
            return json.dumps(who | {"refused": found})
        _Scene(run, outbox, {trial.id: trial for trial in run.trials()}, set(told["sent"]))()
    return json.dumps(who)


def _ending(worker: Worker) -> Callable[[], bool]:
    """Whether the task was cancelled, its client has gone, or the worker is closing."""
    from distributed.core import Status

    key = worker.get_current_task()

    def ending() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state != "executing" or worker.status in (Status.closing, Status.closed, Status.failed)

    return ending


@contextlib.contextmanager
def _folder(worker: Worker, told: Mapping[str, Any], bundle: bytes) -> Iterator[RunDir]:
    """A run directory with the scene's plan, as long as the scene lasts; Dask sweeps what a killed worker leaves."""
    folder = Path(tempfile.mkdtemp(prefix="scene-", dir=worker.local_directory))
    try:
        run = RunDir(folder)
        if bundle:
            travel.unpack(io.BytesIO(bundle), folder, "what came with the scene")
        run.write_plan({"suite": told["suite"], "trials": told["trials"]}, "", {})
        how = {name: told[name] for name in ("preimages", "wire", "isolate", "stop", "memory")}
        write_json(folder / BRIEF, how | {"slots": worker.state.nthreads})
        yield run
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refusals(run: RunDir, told: Mapping[str, Any]) -> list[str]:
    """What differs here, found once for a run's components and cohort: seeds and budgets change nothing of it."""
    of = digest([told["run"], told["about"]])
    with _checking:
        if of not in _checked:
            done = subprocess.run(_command("check", run), capture_output=True, env=_environment(), check=False)
            if done.returncode != 0:
                raise FpmgError(f"the versions on this worker cannot be told: {done.stderr.decode(errors='replace')[-TAIL:]}")
            _checked[of] = json.loads(done.stdout.splitlines()[-1])["found"]
        return _checked[of]


def _command(module: str, run: RunDir) -> list[str]:
    return [sys.executable, "-P", "-m", f"fpmg_bench.cluster.{module}", str(run.root)]


def _environment() -> dict[str, str]:
    return {**os.environ, **SINGLE_THREADED, PARENT: str(os.getpid())}


@dataclass(slots=True)
class Outbox:
    """The way back: a bounded queue on the scheduler. Full, it waits until the runner has read, unless the task is ending."""

    queue: Queue
    ticket: str
    ending: Callable[[], bool]

    def put(self, message: Mapping[str, Any]) -> None:
        """Raises Stopped where nobody will read it."""
        while True:
            if self.ending():
                raise Stopped
            with contextlib.suppress(TimeoutError):
                self.queue.put({"ticket": self.ticket, **message}, timeout=1)
                return


@dataclass(slots=True)
class _Scene:
    """The scene's process, what it tells, and which folders have gone back."""

    run: RunDir
    outbox: Outbox
    trials: Mapping[str, Planned]
    sent: set[str]
    _events: list[dict[str, Any]] = field(default_factory=list)
    _told: float = 0.0
    _rest: bytes = b""

    def __call__(self) -> None:
        """Until all its trials have ended. Raises Stopped, or FpmgError where the process ended otherwise."""
        with (self.run.root / "scene.log").open("wb") as log:
            process = subprocess.Popen(
                _command("process", self.run), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=_environment()
            )
        assert process.stdout is not None
        try:
            os.set_blocking(process.stdout.fileno(), False)
            while process.poll() is None:
                self._listen(process.stdout.fileno())
                if self.outbox.ending():
                    raise Stopped
            self._listen(process.stdout.fileno())
            self._flush()
        finally:
            _end(process)
            process.stdout.close()
        if process.returncode != 0:
            said = (self.run.root / "scene.log").read_text(errors="replace")[-TAIL:]
            raise FpmgError(f"the scene ended with exit code {process.returncode}: {said}")

    def _listen(self, stream: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            selector.select(POLL)
        with contextlib.suppress(BlockingIOError):
            while block := os.read(stream, 1 << 16):
                self._rest += block
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            self._follow(json.loads(line))
        if time.monotonic() - self._told > TELL:
            self._flush()

    def _follow(self, event: dict[str, Any]) -> None:
        """A trial's folder goes before the word that it has ended."""
        if event["event"] == "end":
            self._send_trial(self.trials[event["trial"]])
        if event["event"] != "progress":
            self._events.append(event)

    def _flush(self) -> None:
        if self._events:
            self.outbox.put({"events": json.dumps(self._events)})
            self._events.clear()
        self._told = time.monotonic()

    def _send_trial(self, trial: Planned) -> None:
        self._flush()
        names = [f"trials/{trial.key}"]
        if trial.stage1 and self.run.stage1_ready(trial.stage1) and (shared := f"stage1/{trial.stage1}") not in self.sent:
            self.sent.add(shared)
            names.insert(0, shared)
        for name in names:
            for message in travel.messages(name, self.run.root / name):
                self.outbox.put(message)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the scene to stop its trials and to end; else the system ends them with it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2 * GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
