"""Series as fixed steps: bins of a window, steps that a column names, or first times. The tables are read in `long`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Schema, Series
from fpmg_plugins.datasets.folder import clock, dated
from fpmg_plugins.datasets.folder.long import Long, by_column, by_name, by_variable, known_rows
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ColumnSpec, SeriesSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.datasets.folder.long import Floats, Ints

MOST_CELLS = 2**27  # values of a series in memory, of all records
EXACT32 = 2**24  # whole numbers up to here are exact in float32


def series(
    name: str,
    spec: SeriesSpec,
    tables: Sequence[Manifest],
    manifest: Manifest,
    records: NDArray[np.object_],
    declared_at: str,
    dropped: Counter[str],
) -> tuple[Schema, Series]:
    """tables: one for each of `spec.tables`; records [n]: ids of the manifest's rows. What finds no place is counted in `dropped`."""
    shape = (len(records), spec.steps, len(spec.channels))
    if math.prod(shape) > MOST_CELLS:
        many = f"{shape[0]:,} records x {shape[1]:,} steps x {shape[2]:,} channels; at most {MOST_CELLS:,} values"
        raise DatasetError(f"{declared_at}: {many}", "fewer steps, or wider ones by a window")
    long = _timed(spec, _read(spec, tables, manifest, records, declared_at, dropped), manifest, declared_at, dropped)
    had = np.bincount(long.row, minlength=len(records)) > 0
    long, times = _placed(name, spec, long, len(records), dropped)
    values, seen = _cells(name, spec, long.take((long.channel >= 0) & ~np.isnan(long.value)), shape, dropped)
    if empty := int((had & ~seen.any(axis=(1, 2))).sum()):
        dropped[f"{name}: records that keep no value (a wider window or more columns keep some)"] += empty
    schema = Schema("series", tuple(column.declared() for column in spec.channels), (spec.steps,))
    return schema, Series(times.astype(np.float32), values, seen)


def _read(
    spec: SeriesSpec,
    tables: Sequence[Manifest],
    manifest: Manifest,
    records: NDArray[np.object_],
    declared_at: str,
    dropped: Counter[str],
) -> list[Long]:
    """The values of each table."""
    known, first, found = {name: at for at, name in enumerate(records)}, 0, []
    for whole, table in zip(spec.tables, tables, strict=True):
        part = dated.alone(whole)
        mine, row = known_rows(part, table, known, declared_at, dropped) if part.file else (table, np.arange(len(records)))
        if part.layout == "row":
            found.append(by_name(part, mine, row, first, declared_at, dropped))
        else:
            read = by_variable if part.layout == "long" else by_column
            found.append(read(part, spec.step, mine, row, first, declared_at, dropped))
        found[-1] = dated.counted(whole, found[-1], first, manifest, declared_at, dropped)
        first += len(part.columns)
    return found


def _timed(spec: SeriesSpec, parts: list[Long], manifest: Manifest, declared_at: str, dropped: Counter[str]) -> Long:
    """All tables as one, dates told as time since each record's beginning, which is one for all tables without a column of it."""
    dated = [(part.clock, long) for part, long in zip(spec.tables, parts, strict=True) if part.clock]
    out = []
    for part, long in zip(spec.tables, parts, strict=True):
        if part.clock is None:
            out.append(long)
            continue
        together = [other for its, other in dated if its.since == part.clock.since and its.format != "elapsed"]
        begin = clock.origins(
            part.clock, [each.row for each in together], [each.time for each in together], manifest, declared_at
        )[long.row]
        lost = np.isnan(begin)
        clock.without_beginning(lost, part.clock, part.file, dropped)
        out.append(replace(long, time=clock.told(part.clock, long.time, begin)).take(~lost))
    return Long.joined(out)


def _placed(name: str, spec: SeriesSpec, long: Long, n: int, dropped: Counter[str]) -> tuple[Long, Floats]:
    """Values with their steps, and the time of each step [n, steps]."""
    if spec.window:
        start, stop = spec.window
        inside = (long.time >= start) & (long.time < stop)
        _count(f"outside the window {start:g} to {stop:g} (widen it to keep them)", name, spec, long, ~inside, dropped)
        long = long.take(inside)
        width = (stop - start) / spec.steps
        step = np.minimum(((long.time - start) / width).astype(np.int64), spec.steps - 1)
        centres = start + width * (np.arange(spec.steps) + 0.5)
        return replace(long, step=step), np.tile(centres, (n, 1))
    if not spec.step:
        long = replace(long, step=_ranks(long))
    inside = (long.step >= 0) & (long.step < spec.steps)
    _count(f"beyond {spec.steps} steps (raise steps to keep them)", name, spec, long, ~inside, dropped)
    long = long.take(inside)
    times = np.full((n, spec.steps), np.nan)
    times[long.row, long.step] = long.time
    return long, _carried(times)


def _count(why: str, name: str, spec: SeriesSpec, long: Long, lost: NDArray[np.bool_], dropped: Counter[str]) -> None:
    """Values that find no place, and rows that hold none."""
    if lost.any():
        what = f"rows of {spec.file}" if spec.layout == "long" and not spec.more else f"{name}: values"
        dropped[f"{what} {why}"] += int(lost.sum())


def _cells(
    name: str, spec: SeriesSpec, valued: Long, shape: tuple[int, int, int], dropped: Counter[str]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means [n, steps, channels] of what falls into a cell, on the column's step, and where there is any."""
    cell = np.ravel_multi_index((valued.row, valued.step, valued.channel), shape)
    count = np.bincount(cell, minlength=math.prod(shape)).reshape(shape)
    values: Floats = np.bincount(cell, valued.value, minlength=math.prod(shape)).reshape(shape).astype(np.float64, copy=False)
    if shared := int(count[count > 1].sum()):
        where = "in one bin" if spec.window else "of one variable at one time"
        way = "more steps keep them apart" if spec.window else "variables of their own keep them apart"
        dropped[f"{name}: values {where}, of which the mean is kept ({way})"] += shared
        values = values / np.maximum(count, 1)
        for at, column in enumerate(spec.channels):
            if column.step:
                values[:, :, at] = np.where(count[:, :, at] > 1, _on_step(column, values[:, :, at]), values[:, :, at])
    for at, column in enumerate(spec.channels):
        large = int((np.abs(values[:, :, at]) > EXACT32).sum()) if column.step and column.step >= 1 else 0
        if large:
            dropped[
                f"whole numbers of {column.name} beyond 2^24, rounded to 24 bits (count in thousands, or keep them in a table)"
            ] += large
    return values.astype(np.float32), count > 0


def _on_step(column: ColumnSpec, values: Floats) -> Floats:
    """A mean of whole numbers is a whole number again."""
    origin, step = column.low or 0.0, column.step or 1.0
    return np.round(origin + np.round((values - origin) / step) * step, 10)


def _ranks(long: Long) -> Ints:
    """Which of its record's distinct times each value has, from 0."""
    frame = pd.DataFrame({"row": long.row, "time": long.time})
    return (frame.groupby("row")["time"].rank(method="dense") - 1).to_numpy(dtype=np.int64)


def _carried(times: Floats) -> Floats:
    """Steps without a time take the last known one of their record, 0 where there is none."""
    return pd.DataFrame(times).ffill(axis=1).fillna(0.0).to_numpy()
