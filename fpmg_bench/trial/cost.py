"""Seconds, CPU and memory of a trial."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROLLUP = Path("/proc/self/smaps_rollup")


@dataclass(slots=True)
class Clock:
    """Seconds and CPU seconds of each step. before: `cost` of the process that trained, where this one does not."""

    seconds: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    elsewhere: float = 0.0
    began: float = field(default_factory=time.perf_counter)
    before: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start, used = time.perf_counter(), time.process_time()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start
        self.cpu[step] = self.cpu.get(step, 0.0) + time.process_time() - used

    def add(self, step: str, cpu: float) -> None:
        """CPU seconds that another process, which is no child of this one, spent on a step."""
        self.cpu[step] = self.cpu.get(step, 0.0) + cpu
        self.elsewhere += cpu


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers below 1e-38 (fresh Adam moments, mostly) cost a quarter of all training time. The thread's flag is given back."""
    import torch

    before = sys.float_info.min / 2 == 0.0  # torch does not tell
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def cost(clock: Clock) -> dict[str, Any]:
    """Entries of trial.json.

    cpu: CPU seconds by step; cpu_seconds: all of them, also starting and importing. shared_rss_bytes: the part of the peak that is
    pages of the process that this one was forked from.
    """
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]  # children: ranks
    unit = 1 if sys.platform == "darwin" else 1024
    own = sum(usage.ru_utime + usage.ru_stime for usage in used) + clock.elsewhere
    before = clock.before
    return {
        "seconds": _joined(before.get("seconds", {}), clock.seconds | {"total": time.perf_counter() - clock.began}),
        "cpu": _joined(before.get("cpu", {}), clock.cpu),
        "cpu_seconds": own + before.get("cpu_seconds", 0.0),
        "peak_rss_bytes": max(max(usage.ru_maxrss for usage in used) * unit, before.get("peak_rss_bytes", 0)),
        "shared_rss_bytes": max(_shared(), before.get("shared_rss_bytes", 0)),
    }


def _joined(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """Step by step, both."""
    return {step: before.get(step, 0.0) + now.get(step, 0.0) for step in {**before, **now}}


def _shared() -> int:
    """Bytes of this process that other processes have too; 0 where the system does not tell."""
    with suppress(FileNotFoundError):
        lines = ROLLUP.read_text().splitlines()
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Shared_"))
    return 0
