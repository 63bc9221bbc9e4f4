"""One connection to a Dask scheduler: tasks out, messages in. Whatever a broken connection raises is `Unreachable`."""

from __future__ import annotations

import contextlib
import itertools
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.cluster.task import run_scene

if TYPE_CHECKING:
    from distributed import Client, Future, Queue

WAITING = 32  # messages that may wait on the scheduler, of at most `travel.PART` bytes each
CLOSE = 5.0  # seconds
LARGE = "4GB"  # a bundle is no graph that Dask would have to warn of


class Unreachable(Exception):
    """The scheduler does not answer, or has forgotten us."""


@dataclass(slots=True)
class Session:
    """name: of the queue that workers send back through, new for each connection; run: the same for all of them."""

    address: str
    name: str = ""
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    tickets: Iterator[int] = field(default_factory=itertools.count)
    client: Client = field(init=False)
    queue: Queue = field(init=False)

    @classmethod
    def open(cls, address: str, wait: float) -> Session:
        """Connect. Raises Unreachable after `wait` seconds."""
        session = cls(address)
        session.connect(wait)
        return session

    def connect(self, wait: float) -> None:
        """Begin anew: what was submitted before is forgotten. Raises Unreachable after `wait` seconds."""
        from distributed import Client, Queue

        if self.name:
            self.close()
        try:
            client = Client(self.address, timeout=wait, set_as_default=False)
            name = f"fpmg-{uuid.uuid4().hex}"
            self.client, self.queue, self.name = client, Queue(name, client=client, maxsize=WAITING), name
        except (OSError, ValueError, RuntimeError) as error:
            raise Unreachable(f"nobody answers ({type(error).__name__})") from error

    def workers(self) -> dict[str, int]:
        """Address -> threads."""
        with self._reached():
            return {str(address): int(threads) for address, threads in self.client.nthreads().items()}

    def wait(self, workers: int, seconds: float) -> None:
        """Until so many workers are there. Raises Unreachable."""
        try:
            self.client.wait_for_workers(workers, timeout=seconds)
        except TimeoutError as error:
            raise Unreachable(f"{workers} workers did not start within {seconds:g} s") from error

    def ticket(self) -> str:
        """One that no other scene has, of this run or another."""
        return str(next(self.tickets))

    def submit(self, brief: dict[str, Any], bundle: bytes, workers: Sequence[str] | None) -> Future[str]:
        """A scene's task, on one of these workers where any are named. Never run twice by Dask: see `task.run_scene`."""
        import dask

        text = json.dumps({**brief, "queue": self.name, "run": self.run}, allow_nan=False)
        key = f"{self.name}-{brief['ticket']}"
        with self._reached(), dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGE}):
            return self.client.submit(run_scene, text, bundle, key=key, pure=False, workers=workers)

    def received(self) -> list[dict[str, Any]]:
        """All messages that are there."""
        with self._reached():
            return list(self.queue.get(batch=True))

    def check(self) -> None:
        """Raises Unreachable where the connection has broken since."""
        if self.client.status != "running":
            raise Unreachable("the connection has broken")

    def cancel(self, futures: Sequence[Future[str]]) -> None:
        """The tasks end, with their processes."""
        if futures:
            with self._reached():
                self.client.cancel(futures)

    def close(self) -> None:
        """Forget the scheduler, which then forgets us; a broken connection is closed all the same."""
        with contextlib.suppress(Unreachable), self._reached():
            self.client.set_metadata([self.name], None)
            self.queue.close()
        with contextlib.suppress(OSError, RuntimeError):
            self.client.close(timeout=CLOSE)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        self.check()
        try:
            yield
        except (OSError, RuntimeError) as error:  # of these kinds are Dask's own
            raise Unreachable(f"{type(error).__name__}: {error}") from error
