"""Long tables (record, time, variable, value) as fixed steps: bins of a window, steps that a column names, or first times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Schema, Series
from fpmg_plugins.datasets.folder.columns import numbers, strings, within
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ColumnSpec, SeriesSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST_CELLS = 2**27  # values of a series in memory, of all records
EMPTY, UNKNOWN = -1, -2  # in the place of a word's number


@dataclass(frozen=True, slots=True)
class _Long:
    """Rows of the long table that belong to a record: its position, time, channel (-1: none), value, and step if named."""

    row: NDArray[np.int64]
    time: NDArray[np.float64]
    channel: NDArray[np.int64]
    value: NDArray[np.float64]
    step: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> _Long:
        return _Long(self.row[rows], self.time[rows], self.channel[rows], self.value[rows], self.step[rows])


def series(
    spec: SeriesSpec, table: Manifest, records: NDArray[np.object_], declared_at: str, dropped: Counter[str]
) -> tuple[Schema, Series]:
    """records [n]: ids of the cohort's records as strings. Values that find no place are counted in `dropped`."""
    shape = (len(records), spec.steps, len(spec.columns))
    if math.prod(shape) > MOST_CELLS:
        many = f"{shape[0]:,} records x {shape[1]:,} steps x {shape[2]:,} channels; at most {MOST_CELLS:,} values"
        raise DatasetError(f"{declared_at}: {many}", "fewer steps, or wider ones by a window")
    long = _rows(spec, table, records, declared_at, dropped)
    long, times = _placed(spec, long, len(records), dropped)
    valued = long.take((long.channel >= 0) & ~np.isnan(long.value))
    cell = np.ravel_multi_index((valued.row, valued.step, valued.channel), shape)
    count = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
    total = np.bincount(cell, valued.value, minlength=int(np.prod(shape))).reshape(shape)
    values = (total / np.maximum(count, 1)).astype(np.float32)
    schema = Schema("series", tuple(column.declared() for column in spec.columns), (spec.steps,))
    return schema, Series(times.astype(np.float32), values, count > 0)


def _rows(spec: SeriesSpec, table: Manifest, records: NDArray[np.object_], declared_at: str, dropped: Counter[str]) -> _Long:
    row = _codes(table, spec.record, {name: at for at, name in enumerate(records)}, declared_at)
    known = row >= 0
    if not known.all():
        dropped[f"rows of {table.file.name} of records that are not used"] += int((~known).sum())
    table, row = table.take(known), row[known]
    channel_of = _codes(table, spec.variable, {column.source: at for at, column in enumerate(spec.columns)}, declared_at)
    declared = channel_of != UNKNOWN
    if not declared.all():
        dropped[f"rows of {table.file.name} of variables that are not declared"] += int((~declared).sum())
    table, row, channel_of = table.take(declared), row[declared], channel_of[declared]
    time = _plain(spec.time, table, declared_at)
    if np.isnan(time).any():
        raise DatasetError(f"{table.place(int(np.flatnonzero(np.isnan(time))[0]), spec.time)}: no time")
    value = _plain(spec.value, table, declared_at)
    for at, column in enumerate(spec.columns):
        mine = channel_of == at
        value[mine] = within(
            column.model_copy(update={"column": spec.value}), value[mine], table.take(mine), declared_at, dropped
        )
    step = _plain(spec.step, table, declared_at).astype(np.int64) if spec.step else np.zeros(len(time), np.int64)
    return _Long(row, time, channel_of, value, step)


def _codes(table: Manifest, column: str, known: Mapping[str, int], declared_at: str) -> NDArray[np.int64]:
    """The number [n] of each cell's word, so that words are held for some rows at a time only."""

    def code(word: str | None) -> int:
        return EMPTY if word is None else known.get(word, UNKNOWN)

    parts = [strings(part).map(code).to_numpy(dtype=np.int64) for part in table.words(column, declared_at)]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _plain(column: str, table: Manifest, declared_at: str) -> NDArray[np.float64]:
    """A column of finite numbers, NaN where empty."""
    return numbers(ColumnSpec(name=column), table, declared_at, Counter()).copy()


def _placed(spec: SeriesSpec, long: _Long, n: int, dropped: Counter[str]) -> tuple[_Long, NDArray[np.float64]]:
    """Rows with their steps, and the time of each step [n, steps]."""
    if spec.window:
        start, stop = spec.window
        inside = (long.time >= start) & (long.time < stop)
        if not inside.all():
            dropped[f"rows of {spec.file} outside the window {start:g} to {stop:g}"] += int((~inside).sum())
        long = long.take(inside)
        width = (stop - start) / spec.steps
        step = np.minimum(((long.time - start) / width).astype(np.int64), spec.steps - 1)
        centres = start + width * (np.arange(spec.steps) + 0.5)
        return _Long(long.row, long.time, long.channel, long.value, step), np.tile(centres, (n, 1))
    if not spec.step:
        long = _Long(long.row, long.time, long.channel, long.value, _ranks(long))
    inside = (long.step >= 0) & (long.step < spec.steps)
    if not inside.all():
        dropped[f"rows of {spec.file} beyond {spec.steps} steps"] += int((~inside).sum())
    long = long.take(inside)
    times = np.full((n, spec.steps), np.nan)
    times[long.row, long.step] = long.time
    return long, _carried(times)


def _ranks(long: _Long) -> NDArray[np.int64]:
    """Which of its record's distinct times each row has, from 0."""
    frame = pd.DataFrame({"row": long.row, "time": long.time})
    return (frame.groupby("row")["time"].rank(method="dense") - 1).to_numpy(dtype=np.int64)


def _carried(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps without a time take the last known one of their record, 0 where there is none."""
    return pd.DataFrame(times).ffill(axis=1).fillna(0.0).to_numpy()
