"""Who computes where: a run's trials queue for the places on its devices, and a trial that finds one full says by how much."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.devices import CPU
from fpmg_bench.errors import FpmgError

if TYPE_CHECKING:
    from fpmg_bench.spec import TrialSpec

GIVEN = "FPMG_DEVICE"  # the runner's word to a trial's process: which of the devices is its own
UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_AMOUNT = r"([\d.]+) (bytes|KiB|MiB|GiB)"


@dataclass(frozen=True, slots=True)
class Seats:
    """devices: those that trials may take; each: trials at a time on one of them. The CPU has room for all jobs.

    >>> Seats(("cuda:0", "cuda:1"), each=2).free("cuda", ["cuda:0"])
    'cuda:1'
    """

    devices: tuple[str, ...] = (CPU,)
    each: int = 1

    def free(self, kind: str, taken: Iterable[str]) -> str | None:
        """The least used device for a trial of this kind; None while all are full. taken: the devices of running trials."""
        if kind == CPU:
            return CPU
        used = Counter(taken)
        device = min(self.devices, key=lambda device: used[device])  # of equals the first
        return device if used[device] < self.each else None


def place_of(spec: TrialSpec) -> str:
    """Where this process computes the trial: on the device that the runner gave it, else on torch's first of that kind."""
    return CPU if spec.device == CPU else os.environ.get(GIVEN, spec.device)


def reason(error: Exception) -> str:
    """Why a trial failed. Of a full device: the bytes that were asked for and those that were free."""
    if type(error).__name__ == "OutOfMemoryError":
        asked, free = (_bytes(before, after, str(error)) for before, after in (("allocate ", ""), ("of which ", " is free")))
        if asked is not None and free is not None:
            return (
                f"the device is full: {asked:,} bytes were asked for, {free:,} were free; "
                f"--jobs-per-device 1, a smaller sampling_rate, or --device cpu ({error})"
            )
    return str(error) if isinstance(error, FpmgError) else f"{type(error).__name__}: {error}"


def _bytes(before: str, after: str, text: str) -> int | None:
    found = re.search(before + _AMOUNT + after, text)
    return round(float(found[1]) * UNITS[found[2]]) if found else None
