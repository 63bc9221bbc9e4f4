"""`fpmg-bench worker`: a Dask worker whose slots run scenes, single-threaded as every trial is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from fpmg_bench.runner.child import SINGLE_THREADED
from fpmg_bench.runner.one import die_with_parent

BROKEN = "worker-handle-scheduler-connection-broken"  # Dask's reason for closing where the scheduler has gone


def serve(address: str, slots: int, name: str | None, tell: Callable[[str], None]) -> None:
    """Work for this scheduler until it says that no more is to be done, or a signal ends it; a scheduler that went away is waited for.

    Raises SuiteError for an address that is none.
    """
    from fpmg_bench.cluster.place import checked_address

    checked_address(address)
    die_with_parent()
    os.environ.update(SINGLE_THREADED)  # before anything numerical is imported here or in a scene
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(address, slots, name, tell))


async def _serve(address: str, slots: int, name: str | None, tell: Callable[[str], None]) -> None:
    current = asyncio.current_task()
    assert current is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        while await _once(address, slots, name, tell):
            tell(f"the scheduler {address} has gone; waiting for it")


async def _once(address: str, slots: int, name: str | None, tell: Callable[[str], None]) -> bool:
    """Until the worker closes. Whether it did because the scheduler went away."""
    from distributed import Worker

    class Told(Worker):
        """Remembers why it closes."""

        why = ""

        async def close(  # type: ignore[override]
            self, timeout: float = 30, executor_wait: bool = True, nanny: bool = True, reason: str = "worker-close"
        ) -> str | None:
            self.why = self.why or reason
            return await super().close(timeout, executor_wait, nanny, reason)

    worker = Told(address, nthreads=slots, name=name, memory_limit=0, dashboard=False)  # scenes are processes of their own
    async with worker:
        tell(f"worker {worker.name} at {worker.address}: {slots} at a time, for {address}")
        await worker.finished()  # type: ignore[no-untyped-call]
    return worker.why == BROKEN
