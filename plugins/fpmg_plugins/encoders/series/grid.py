"""Irregular series as arrays on the schema's own steps: values on a public scale, masks and times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.types import Column, Series
from fpmg_plugins.encoders import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Schema

TIME = Column("time", "number")  # a schema declares no range of times


def places(schema: Schema, data: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(values [n, t, c], times [n, t]) on the scale of `numbers.fraction`; NaN where nothing was seen.

    Shorter series are filled with unseen steps at the last time.
    """
    n, steps = len(data), schema.shape[0]
    values = np.full((n, steps, len(schema.columns)), np.nan)
    times = np.full((n, steps), np.nan)
    t = min(steps, data.time.shape[1])
    for j, column in enumerate(schema.columns):
        known = np.where(data.seen[:, :t, j], data.values[:, :t, j].astype(np.float64), np.nan)
        values[:, :t, j] = numbers.fraction(column, known)
    times[:, :t] = numbers.fraction(TIME, data.time[:, :t].astype(np.float64))
    return values, _carried(times)


def series(schema: Schema, values: NDArray[np.float64], times: NDArray[np.float64], seen: NDArray[np.bool_]) -> Series:
    """A valid series: values [n, t, c] in the channels' units, times [n, t] put in order, 0 where unseen."""
    kept = np.where(seen, values, 0.0).astype(np.float32)
    for j, column in enumerate(schema.columns):
        if numbers.declared(column):  # float32 may round a limit to just outside
            inside = np.clip(kept[..., j], np.float32(column.low), np.float32(column.high))
            kept[..., j] = np.where(seen[..., j], inside, 0.0)
    return Series(np.maximum.accumulate(times, axis=1).astype(np.float32), kept, seen)


def _carried(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-decreasing, without NaN: an unknown time is the last one known, before that the first one known, without any zero."""
    known = ~np.isnan(times)
    first = np.take_along_axis(times, known.argmax(axis=1)[:, None], axis=1)[:, 0]
    zero = float(numbers.fraction(TIME, np.zeros(1))[0])
    filled = np.where(known, times, -np.inf)
    filled[:, 0] = np.where(known[:, 0], times[:, 0], np.where(known.any(axis=1), first, zero))
    return np.maximum.accumulate(filled, axis=1)
