"""Seconds, CPU and memory of a trial."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Clock:
    """Seconds of each step."""

    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start

    def total(self) -> dict[str, float]:
        return self.seconds | {"total": time.perf_counter() - self.began}


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
    """Entries of trial.json."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]  # children: ranks
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
    return {"seconds": clock.total(), "cpu_seconds": cpu, "peak_rss_bytes": max(usage.ru_maxrss for usage in used) * unit}
