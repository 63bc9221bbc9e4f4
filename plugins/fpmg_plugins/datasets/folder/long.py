"""The tables of a series, in any of three layouts, as one long list of values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.cohorts.tables import strings
from fpmg_bench.document import brief
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder import clock
from fpmg_plugins.datasets.folder.columns import numbers
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ColumnSpec, LongSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

EMPTY, UNKNOWN = -1, -2  # in the place of a word's number
OF_VALUES = "a row is one value of one variable: what else stands in it is not read"
NAMED = 5  # columns that are named where columns are not read
PLACE = re.compile(r"\{(0*)\}")


@dataclass(frozen=True, slots=True)
class Long:
    """Values that belong to a record: its position, time, channel (-1: none, a time without a value), value, and step if named."""

    row: Ints
    time: Floats
    channel: Ints
    value: Floats
    step: Ints

    def take(self, rows: NDArray[np.bool_]) -> Long:
        return Long(self.row[rows], self.time[rows], self.channel[rows], self.value[rows], self.step[rows])

    @staticmethod
    def joined(parts: list[Long]) -> Long:
        if len(parts) == 1:
            return parts[0]
        return Long(
            *(np.concatenate([getattr(part, key) for part in parts]) for key in ("row", "time", "channel", "value", "step"))
        )


def column_of(column: ColumnSpec, time: int) -> str:
    """`hr_{}` at time 7: hr_7; `hr_{00}`: hr_07."""
    return PLACE.sub(lambda zeros: str(time).zfill(len(zeros[1])), column.source, count=1)


def known_rows(
    spec: LongSpec, table: Manifest, records: Mapping[str, int], declared_at: str, dropped: Counter[str]
) -> tuple[Manifest, Ints]:
    """The rows of records of the cohort, and the position of each one's record."""
    row = codes(table, spec.record, records, declared_at)
    known = row >= 0
    if not known.all():
        dropped[f"rows of {table.file.name} of records that are not used"] += int((~known).sum())
    return table.take(known), row[known]


def codes(table: Manifest, column: str, known: Mapping[str, int], declared_at: str) -> Ints:
    """The number [n] of each cell's word, so that words are held for some rows at a time only."""

    def code(word: str | None) -> int:
        return EMPTY if word is None else known.get(word, UNKNOWN)

    parts = [strings(part).map(code).to_numpy(dtype=np.int64) for part in table.words(column, declared_at)]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def times(spec: LongSpec, table: Manifest, declared_at: str) -> Floats:
    """Times [n] as numbers; of a clock in seconds, from no beginning yet. Raises DatasetError at an empty one."""
    if spec.clock:
        time = clock.moments(spec.clock, spec.clock.format, spec.time, table, declared_at)
    else:
        time = numbers(ColumnSpec(name=spec.time), table, declared_at, Counter()).copy()
    if np.isnan(time).any():
        raise DatasetError(f"{table.place(int(np.flatnonzero(np.isnan(time))[0]), spec.time)}: no time")
    return time


def by_variable(
    spec: LongSpec, step: str, table: Manifest, row: Ints, first: int, declared_at: str, dropped: Counter[str]
) -> Long:
    """Layout `long`: a row has one value. first: the number of this table's first channel."""
    _columns_left(table, {spec.record, spec.time, spec.variable, spec.value, spec.units, step}, dropped, OF_VALUES)
    channel = codes(table, spec.variable, {column.source: at for at, column in enumerate(spec.columns)}, declared_at)
    declared = channel != UNKNOWN
    if not declared.all():
        dropped[f"rows of {table.file.name} of variables that are not declared (list them under columns to keep them)"] += int(
            (~declared).sum()
        )
    table, row, channel = table.take(declared), row[declared], channel[declared]
    time = times(spec, table, declared_at)
    value, order = np.full(len(row), np.nan), np.argsort(channel, kind="stable")
    bounds = np.searchsorted(channel[order], np.arange(len(spec.columns) + 1))
    held = _held(table, spec.value, declared_at)
    unit = strings(table.cells(spec.units, declared_at)).to_numpy() if spec.units else None
    for at, column in enumerate(spec.columns):
        mine = order[bounds[at] : bounds[at + 1]]
        if unit is not None and column.unit:
            other = np.array([said not in (None, column.unit) for said in unit[mine]], dtype=bool)
            if other.any():
                dropped[f"{table.file.name}: values of {column.name} in another unit than {column.unit} (convert them in the file)"] += int(other.sum())  # fmt: skip
            mine = mine[~other]
        one = replace(held, at=held.at[mine])
        value[mine] = numbers(column.model_copy(update={"column": spec.value}), one, declared_at, dropped)
    steps = _steps(step, table, declared_at)
    return Long(row, time, np.where(channel >= 0, channel + first, EMPTY), value, steps)


def _held(table: Manifest, column: str, declared_at: str) -> Manifest:
    """A table whose column is in memory: each channel takes its own rows of it."""
    table.cells(column, declared_at)
    whole = table.whole(column)
    return replace(table, whole=lambda _: whole)


def _steps(step: str, table: Manifest, declared_at: str) -> Ints:
    if not step:
        return np.zeros(len(table), np.int64)
    return numbers(ColumnSpec(name=step), table, declared_at, Counter()).astype(np.int64)


def by_column(spec: LongSpec, step: str, table: Manifest, row: Ints, first: int, declared_at: str, dropped: Counter[str]) -> Long:
    """Layout `wide`: a row has a time, and a column for each variable."""
    _columns_left(table, {spec.record, spec.time, step, *(column.source for column in spec.columns)}, dropped)
    time, steps = times(spec, table, declared_at), _steps(step, table, declared_at)
    parts = [Long(row, time, np.full(len(row), EMPTY), np.full(len(row), np.nan), steps)]
    for at, column in enumerate(spec.columns):
        value = numbers(column, table, declared_at, dropped)
        seen = ~np.isnan(value)
        parts.append(Long(row[seen], time[seen], np.full(int(seen.sum()), first + at), value[seen], steps[seen]))
    return Long.joined(parts)


def by_name(spec: LongSpec, table: Manifest, row: Ints, first: int, declared_at: str, dropped: Counter[str]) -> Long:
    """Layout `row`: a row has all times of a record, in columns whose names hold them. A record is listed once."""
    again = np.flatnonzero(np.bincount(row, minlength=1) > 1)
    if len(again):
        at = int(np.flatnonzero(row == again[0])[1])
        raise DatasetError(f"{table.place(at, spec.record)}: a second row of one record", "layout row has one row a record")
    names = [(at, time, column, column_of(column, time)) for at, column in enumerate(spec.columns) for time in spec.times]
    if spec.file:
        _columns_left(table, {spec.record, *(name for *_, name in names)}, dropped)
    return Long.joined(list(_cells(names, table, row, first, declared_at, dropped)))


def _cells(
    names: list[tuple[int, int, ColumnSpec, str]], table: Manifest, row: Ints, first: int, declared_at: str, dropped: Counter[str]
) -> Iterator[Long]:
    for at, time, column, name in names:
        if name == column.source:
            raise DatasetError(
                f"{declared_at}: column '{column.name}': its name has no place for the time", "write hr_{} for hr_0"
            )
        value = numbers(column.model_copy(update={"column": name}), table, declared_at, dropped)
        seen = ~np.isnan(value)
        n = int(seen.sum())
        yield Long(row[seen], np.full(n, float(time)), np.full(n, first + at), value[seen], np.zeros(n, np.int64))


def _columns_left(
    table: Manifest, used: set[str], dropped: Counter[str], way: str = "list them under columns to keep them"
) -> None:
    left = [name for name in table.names if name not in used]
    if left:
        some = ", ".join(map(brief, left[:NAMED])) + (", ..." if len(left) > NAMED else "")
        dropped[f"{table.file.name}: columns that are not declared, {some} ({way})"] += len(left)
