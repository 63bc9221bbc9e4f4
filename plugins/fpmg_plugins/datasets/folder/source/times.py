"""When the steps of a series are: times that its tables can hold, and by which they fall into their steps again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpmg_plugins.datasets.folder.spec import SeriesSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Series

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Steps:
    """time [n, steps]; seen [n, steps, channels]; row, at, step: rows that hold a time and no value, for the place of the others."""

    time: Floats
    seen: Bools
    row: NDArray[np.intp]
    at: Floats
    step: NDArray[np.intp]


def steps(name: str, spec: SeriesSpec, data: Series, here: Bools, told: list[str]) -> Steps:
    """A modality's times. Without a column for the beginning the first row of a record is it, so that there is one at 0."""
    time, seen = data.time.astype(np.float64).copy(), data.seen & here[:, None, None]
    any_seen = np.asarray(seen.any(axis=2))
    first = any(part.clock and not part.clock.since and part.clock.format != "elapsed" for part in spec.tables)
    if spec.window is None:
        if first:
            begin = time[np.arange(len(time)), any_seen.argmax(axis=1)]
            time -= np.where(spec.step or any_seen.any(axis=1), begin, 0.0)[:, None]
        bare = _before_last(any_seen) & ~any_seen if not spec.step else np.zeros_like(any_seen)
        row, step = np.nonzero(bare)
        return Steps(time, seen, row, time[row, step], step)
    if not first:
        return Steps(time, seen, *_none())
    return _from_zero(name, spec, time, seen, told)


def _from_zero(name: str, spec: SeriesSpec, time: Floats, seen: Bools, told: list[str]) -> Steps:
    """The bin that 0 is in has its values there, or a row of nothing; before it nobody can have any."""
    assert spec.window is not None
    start, stop = spec.window
    bin_of_zero = int(np.floor(-start / ((stop - start) / spec.steps)))
    seen = seen.copy()
    early = seen[:, : max(bin_of_zero, 0)]
    if lost := int(early.sum()):
        told.append(f"{lost} values of {name} before a record's first time are left out")
        early[:] = False
    if 0 <= bin_of_zero < spec.steps:
        time[:, bin_of_zero] = 0.0
        bare = seen.any(axis=(1, 2)) & ~seen[:, bin_of_zero].any(axis=1)
    else:
        bare = seen.any(axis=(1, 2))
    row = np.flatnonzero(bare)
    return Steps(time, seen, row, np.zeros(len(row)), np.zeros(len(row), np.intp))


def _none() -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    return np.zeros(0, np.intp), np.zeros(0), np.zeros(0, np.intp)


def _before_last(any_seen: Bools) -> Bools:
    """Steps [n, steps] before the last one that holds anything: an empty one among them keeps its place."""
    found: Bools = np.logical_or.accumulate(any_seen[:, ::-1], axis=1)[:, ::-1]
    return found


def on_hours(spec: SeriesSpec, hours: tuple[int, ...], found: Steps) -> NDArray[np.intp]:
    """Which of a layout row's `times` each step [n, steps] is, -1 where none is left for it.

    With a window the first in the step's bin; without, the nearest one behind that of the step before.
    """
    n, steps = found.time.shape
    known = np.asarray(hours, dtype=np.float64)
    if spec.window is not None:
        start, stop = spec.window
        bins = np.floor((known - start) / ((stop - start) / spec.steps)).astype(int)
        inside = (known >= start) & (known < stop)
        place = [next(iter(np.flatnonzero(inside & (np.minimum(bins, steps - 1) == at))), -1) for at in range(steps)]
        return np.tile(np.asarray(place, np.intp), (n, 1))
    needed = _before_last(np.asarray(found.seen.any(axis=2)))
    nearest = np.abs(found.time[:, :, None] - known).argmin(axis=2)
    out = np.full((n, steps), -1, np.intp)
    for row in range(n):
        mine = np.flatnonzero(needed[row])
        last = -1
        for at, step in enumerate(mine):
            last = max(last + 1, min(int(nearest[row, step]), len(hours) - (len(mine) - at)))
            out[row, step] = last if last < len(hours) else -1
    return out
