"""Tables of series in their layout: a value, a time or a record a row, under the source's names, at the times that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_plugins.datasets.folder.cell_spec import ISO_DAY
from fpmg_plugins.datasets.folder.clock import SECONDS
from fpmg_plugins.datasets.folder.long import column_of
from fpmg_plugins.datasets.folder.source import cells, dates, pieces, times, typed
from fpmg_plugins.datasets.folder.source.form import Header
from fpmg_plugins.datasets.folder.source.known_columns import Column
from fpmg_plugins.datasets.folder.source.records import Rows
from fpmg_plugins.datasets.folder.source.times import Steps
from fpmg_plugins.datasets.folder.spec import ColumnSpec, LongSpec, SeriesSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Texts = list[str | None]
    Table = dict[str, Texts]

ROW_BY: Mapping[str, tuple[str, ...]] = {
    "long": (),
    "wide": ("record", "time"),
    "row": ("record",),
}  # what a row is, with modalities in one file


class Part:
    """One table of a modality. first: the number of its first channel; bare: whether it has the rows without a value."""

    def __init__(self, rows: Rows, name: str, spec: SeriesSpec, part: LongSpec, first: int, found: Steps) -> None:
        self.rows, self.name, self.spec, self.part, self.found = rows, name, spec, part, found
        self.values = rows.cohort.data[name].values[:, :, first : first + len(part.columns)]
        self.seen = found.seen[:, :, first : first + len(part.columns)]
        self.bare = part is _with_times(spec)
        self.records: Texts = rows.columns[rows.source.spec.record] if part.file else []

    def table(self, header: Header) -> Table:
        """Columns of a file in its layout."""
        if self.part.layout == "row":
            return self.by_name({name: Column(stored, header) for name, stored in header.columns.items()})
        return self.long(header) if self.part.layout == "long" else self.wide(header)

    def long(self, header: Header) -> Table:
        """A row for each seen value, by record, time and variable; the missing word of a column is for cells, and there are none."""
        part, found = self.part, self.found
        row, step, channel = np.nonzero(self.seen)
        value: Texts = [None] * len(row)
        for at, column in enumerate(part.columns):
            mine = np.flatnonzero(channel == at)
            words = self._texts(column, self.values[row[mine], step[mine], at], row[mine], header, part.value)
            for place, word in zip(mine.tolist(), words, strict=True):
                value[place] = word
        names: Texts = [part.columns[at].source for at in channel]
        row, time, step, extra = self._with_bare(row, found.time[row, step], step)
        order = np.lexsort((time, row))
        said = self._moments(header, row, time, step)
        said |= {part.variable: names + [None] * extra, part.value: value + [None] * extra}
        if part.units:
            said[part.units] = [part.columns[at].unit or None for at in channel] + [None] * extra
        return {name: [column[at] for at in order] for name, column in said.items()}

    def wide(self, header: Header) -> Table:
        """A row for each time at which anything is seen."""
        row, step = np.nonzero(self.seen.any(axis=2))
        row, time, step, _ = self._with_bare(row, self.found.time[row, step], step)
        inside = np.arange(len(row)) < len(row) - (len(self.found.row) if self.bare else 0)
        order = np.lexsort((time, row))
        said = self._moments(header, row, time, step)
        for at, column in enumerate(self.part.columns):
            there = inside & self.seen[row, step, at]
            values = np.where(there, self.values[row, step, at].astype(np.float64), np.nan)
            said[column.source] = self._silent(column, self._texts(column, values, row, header, column.source))
        return {name: [column[at] for at in order] for name, column in said.items()}

    def by_name(self, columns: Mapping[str, Column]) -> Table:
        """A row for each record, a column for each variable and time."""
        hours, n = self.part.times, len(self.values)
        place = times.on_hours(self.spec, hours, self.found)
        lost = int((self.seen & (place < 0)[:, :, None]).sum())
        if lost:
            self.rows.told.append(f"{lost} values of {self.name} fall at no time that has a column: they are left out")
        said: Table = {}
        for at, column in enumerate(self.part.columns):
            values = np.full((n, len(hours)), np.nan)
            row, step = np.nonzero(self.seen[:, :, at] & (place >= 0))
            values[row, place[row, step]] = self.values[row, step, at]
            for k, time in enumerate(hours):
                name = column_of(column, time)
                header = columns[name].header if name in columns else Header(self.part.file, {})
                said[name] = self._silent(column, self._texts(column, values[:, k], np.arange(n), header, name))
        return said | ({self.part.record: list(self.records)} if self.part.file else {})

    def _with_bare(
        self, row: NDArray[np.intp], time: NDArray[np.float64], step: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp], int]:
        found = self.found
        if not self.bare:
            return row, time, step, 0
        joined = (np.concatenate(pair) for pair in ((row, found.row), (time, found.at), (step, found.step)))
        return (*joined, len(found.row))  # type: ignore[return-value]

    def _moments(self, header: Header, row: NDArray[np.intp], time: NDArray[np.float64], step: NDArray[np.intp]) -> Table:
        """Who and when."""
        said: Table = {self.part.record: [self.records[at] for at in row], self.part.time: self._times(header, row, time)}
        if self.spec.step:
            said[self.spec.step] = [str(at) for at in step]
        return said

    def _times(self, header: Header, row: NDArray[np.intp], time: NDArray[np.float64]) -> Texts:
        clock, stored = self.part.clock, header.columns.get(self.part.time, "")
        if clock is None:
            return cells.texts(ColumnSpec(name=self.part.time), time.astype(np.float32), Column(stored, header).form)
        seconds = time * SECONDS[clock.unit]
        if clock.format == "elapsed":
            return dates.elapsed(seconds)
        n = len(self.values)
        begin = self.rows.moments(clock.since, clock.since_format or clock.format) if clock.since else np.full(n, dates.MADE_UP)
        if not clock.since:
            self.rows.told.append(f"times of {self.part.file} begin at a made-up {np.datetime_as_string(dates.MADE_UP, 'D')}")
        form = dates.ISO if typed.is_moment(stored) else clock.format
        moments = dates.after(begin[row], seconds)
        return dates.texts(moments if self.spec.window is None else self._in_bins(moments, begin[row], time, form), form)

    def _in_bins(self, moments: dates.Moments, begin: dates.Moments, time: NDArray[np.float64], form: str) -> dates.Moments:
        """Moments that the clock can tell, in the same bins where there is one in it; else it is told."""
        assert self.part.clock is not None
        unit = np.timedelta64(round(SECONDS[self.part.clock.unit] * 1e6), "us")
        before = dates.floor(moments, form)
        bins, mine = ([self._bins((each - begin) / unit) for each in (before, before + dates.step(form))], self._bins(time))
        if lost := int(((bins[0] != mine) & (bins[1] != mine)).sum()):
            self.rows.told.append(f"{lost} times of {self.name} fall into another step, as its clock is coarser than steps")
        found: dates.Moments = np.where((bins[0] != mine) & (bins[1] == mine), before + dates.step(form), before)
        return found

    def _bins(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self.spec.window is not None
        start, stop = self.spec.window
        found: NDArray[np.float64] = np.floor((time - start) / ((stop - start) / self.spec.steps))
        return found

    def _texts(self, column: ColumnSpec, values: NDArray[Any], row: NDArray[np.intp], header: Header, stands_in: str) -> Texts:
        """Cells of a channel. row: the record of each."""
        stored = header.columns.get(stands_in, "")
        if not column.date:
            return cells.texts(column, values, Column(stored, header).form)
        if ISO_DAY.fullmatch(column.since):
            begin: dates.Moments = np.full(len(self.values), np.datetime64(column.since, "us"))
        else:
            begin = self.rows.moments(column.since, column.since_date or column.date)
        form = dates.ISO if typed.is_moment(stored) else column.date
        return dates.texts(dates.after(begin[row], values.astype(np.float64) * dates.DAY), form)

    @staticmethod
    def _silent(column: ColumnSpec, words: Texts) -> Texts:
        silence = pieces.silence([column])
        return words if silence is None else [silence if word is None else word for word in words]


def _with_times(spec: SeriesSpec) -> LongSpec | None:
    """The table that has the rows without a value: one whose times make the beginning, else one that has times at all."""
    timed = [part for part in spec.tables if part.layout != "row"]
    first = [part for part in timed if part.clock and not part.clock.since and part.clock.format != "elapsed"]
    return next(iter([*first, *timed]), None)


def write(rows: Rows) -> Iterator[tuple[str, Table]]:
    """(key of the header, columns) of every table; columns of layout row without a file go into the manifest.

    Modalities that share a table stand in it one after the other, or beside each other where a time or a record is a row.
    """
    tables: dict[str, Table] = {}
    for name, spec in rows.source.spec.modalities.items():
        if not isinstance(spec, SeriesSpec) or name not in rows.cohort.schemas:
            continue
        found = times.steps(name, spec, rows.cohort.data[name], rows.cohort.present[name], rows.told)
        first = 0
        for part in spec.tables:
            one = Part(rows, name, spec, part, first, found)
            first += len(part.columns)
            key = rows.known.key(part) if part.file else ""
            if not key or (part.layout == "row" and key == rows.known.manifest):
                for column, values in one.by_name(rows.known.types).items():
                    rows.put(column, values)
                continue
            found_here, by = one.table(rows.source.headers[key]), ROW_BY[part.layout]
            tables[key] = _together(tables[key], found_here, tuple(getattr(part, k) for k in by)) if key in tables else found_here
    yield from tables.items()


def _together(one: Table, other: Table, by: tuple[str, ...]) -> Table:
    """Rows of both; those of the same record (and time) are one, unless a row is one value."""
    n, m = (max(map(len, table.values()), default=0) for table in (one, other))
    known = {tuple(one[name][at] for name in by): at for at in range(n)} if by else {}
    place, end = [], n
    for at in range(m):
        key = tuple(other[name][at] for name in by)
        place.append(known.get(key, end) if by else end)
        end += place[-1] == end
    out: Table = {name: one.get(name, [None] * n) + [None] * (end - n) for name in dict.fromkeys([*one, *other])}
    for name, column in other.items():
        for at, value in zip(place, column, strict=True):
            out[name][at] = value if value is not None else out[name][at]
    if not by:
        return out
    first = {key: at for at, key in reversed(list(enumerate(out[by[0]])))}
    order = sorted(range(end), key=lambda at: first[out[by[0]][at]])
    return {name: [column[at] for at in order] for name, column in out.items()}
