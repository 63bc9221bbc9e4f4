"""`--scheduler`: a Dask scheduler that is there, or one here with some workers of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from fpmg_bench.cluster.dispatch import Dispatch
from fpmg_bench.cluster.session import Session, Unreachable
from fpmg_bench.errors import SuiteError
from fpmg_bench.runner import RunPlan, Wire
from fpmg_bench.runner.child import PARENT, SINGLE_THREADED
from fpmg_bench.runner.execute import Tell
from fpmg_bench.store import Planned, RunDir

ADDRESS = re.compile(r"(tcp|tls)://[^\s/:]+(:|\[.*\]:)\d{1,5}")
LOCAL = re.compile(r"local:([1-9]\d{0,2})")
WAYS = "--scheduler tcp://HOST:PORT, or local:N for N workers on this machine"
ANSWER = 15.0  # seconds in which a scheduler has to answer
STARTED = 60.0  # seconds in which workers of our own have to be there


@dataclass(slots=True)
class Cluster:
    """What a run is handed: where the scheduler is, and how many trials its workers take now."""

    address: str
    session: Session

    @property
    def slots(self) -> int:
        """Threads of all workers, at least one: workers may come later."""
        return max(1, sum(self.session.workers().values()))

    def work(self, run: RunDir, trials: Sequence[Planned], made: RunPlan, tell: Tell, wire: Wire) -> Dispatch:
        """The work on these trials, to be called."""
        return Dispatch.of(run, trials, made, tell, self.session, self.slots, wire)


@contextlib.contextmanager
def connected(scheduler: str) -> Iterator[Cluster]:
    """The cluster of this name. Raises SuiteError where it has none, nobody answers there, or Dask is not installed."""
    if find_spec("distributed") is None:
        raise SuiteError(f"--scheduler {scheduler}: Dask is not installed", "pip install 'fpmg-bench[cluster]'")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it would log is told as notes
    local = LOCAL.fullmatch(scheduler)
    with _local(int(local[1])) if local else contextlib.nullcontext(checked_address(scheduler)) as address:
        try:
            session = Session.open(address, ANSWER)
        except Unreachable as error:
            raise SuiteError(f"--scheduler {address}: {error}", "`dask scheduler` starts one") from error
        try:
            if local:
                session.wait(int(local[1]), STARTED)
            yield Cluster(address, session)
        finally:
            session.close()


def checked_address(address: str) -> str:
    """Raises SuiteError where it is none."""
    if not ADDRESS.fullmatch(address):
        raise SuiteError(f"--scheduler {address}: no address", WAYS)
    return address


@contextlib.contextmanager
def _local(workers: int) -> Iterator[str]:
    """A scheduler in this process, and workers as `fpmg-bench worker` starts them, which end with it."""
    from distributed import LocalCluster

    env = {**os.environ, **SINGLE_THREADED, PARENT: str(os.getpid())}
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None, silence_logs=logging.CRITICAL) as cluster:
        address = str(cluster.scheduler_address)
        command = [sys.executable, "-P", "-m", "fpmg_bench", "worker", address, "--slots", "1"]
        running = [
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
            for _ in range(workers)
        ]
        try:
            yield address
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
