"""Declared columns of the manifest back into cells: those that share a cell together, dates from what they count from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_plugins.datasets.folder.cell_spec import ISO_DAY
from fpmg_plugins.datasets.folder.source import cells, dates, pieces, typed
from fpmg_plugins.datasets.folder.source.known_columns import Known
from fpmg_plugins.datasets.folder.spec import CohortSpec, ColumnSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort
    from fpmg_plugins.datasets.folder.source.dates import Moments

    Texts = list[str | None]
    Values = NDArray[Any]


def conditions(spec: CohortSpec, cohort: Cohort) -> Iterator[tuple[ColumnSpec, Values]]:
    """Declared conditions with what records have: a number's stratum, and the one class of no label, are in no file."""
    leading = spec.leading
    first = 1 if not leading or (len(leading) == 1 and leading[0].type == "number") else 0
    for at, column in enumerate((*leading, *(each for each in spec.conditions if each not in leading)), first):
        values: Values = cohort.condition[:, at]
        if column.type == "category":
            known = [*column.all_categories, None]
            values = np.array([known[-1] if np.isnan(v) else known[int(v)] for v in values], dtype=object)
        yield column, values


class Declared:
    """Columns by where they stand; `put` takes them when all are known."""

    def __init__(self, known: Known, n: int, put: Callable[[str, Texts], None], told: list[str]) -> None:
        self.known, self.n, self.put, self.told = known, n, put, told
        self.columns: dict[str, list[tuple[ColumnSpec, Values]]] = {}
        self._moments: dict[str, Moments] = {}

    def add(self, spec: ColumnSpec, values: Values) -> None:
        """One column: values [n] are names of categories, or flags and numbers as float64."""
        self.columns.setdefault(spec.source, []).append((spec, values))

    def write(self) -> None:
        """All cells."""
        for source, together in list(self.columns.items()):
            self.put(source, self._cells(source, together))

    def moments(self, column: str, form: str) -> Moments:
        """Dates [n] that others count from: a declared column's own, else one made-up day, which is written there."""
        if column in self._moments:
            return self._moments[column]
        self._moments[column] = np.full(self.n, dates.MADE_UP)
        own = next((each for each in self.columns.get(column, ()) if each[0].date), None)
        if own is not None:
            self._moments[column] = self._dated(*own)
        else:
            self.put(column, dates.texts(self._moments[column], self._form(column, form)))
            self.told.append(f"dates that count from {column} begin at a made-up {np.datetime_as_string(dates.MADE_UP, 'D')}")
        return self._moments[column]

    def _cells(self, source: str, together: list[tuple[ColumnSpec, Values]]) -> Texts:
        column, first = self.known.column(source), together[0][0]
        if first.date:
            found = self._date_cells(*together[0])
        elif first.part or first.holds:
            alike = [
                (spec, values) for spec, values in together if (spec.split, bool(spec.part)) == (first.split, bool(first.part))
            ]
            plain = [(s, cells.texts(s.model_copy(update={"map": {}}), v, column.form)) for s, v in alike]
            none = "" if typed.is_list(column.stored) else None
            found = pieces.parted(plain, self.told) if first.part else pieces.held(plain, self.told, none)
        else:
            found = cells.texts(first, together[0][1], column.form)
            for spec, values in together[1:]:
                other = cells.texts(spec, values, column.form)
                if n := sum(a != b for a, b in zip(found, other, strict=True)):
                    self.told.append(
                        f"{n} cells of {source} say what was asked for: the table's own values of it are others, and in no file"
                    )
        for spec, _ in together:
            told_of(spec, found, self.told)
        silence = None if typed.is_moment(column.stored) else pieces.silence([spec for spec, _ in together])
        return found if silence is None else [silence if cell is None else cell for cell in found]

    def _date_cells(self, spec: ColumnSpec, values: Values) -> Texts:
        moments = self.moments(spec.source, spec.date) if spec.source in self._moments else self._dated(spec, values)
        self._moments[spec.source] = moments
        found = dates.texts(moments, self._form(spec.source, spec.date))
        lost = int((~np.isnan(values)).sum()) - sum(cell is not None for cell in found)
        if lost:
            self.told.append(f"{lost} dates of {spec.source} have nothing to count from, or no day in its form: they are empty")
        return found

    def _dated(self, spec: ColumnSpec, values: Values) -> Moments:
        if ISO_DAY.fullmatch(spec.since):
            begin: Moments = np.full(self.n, np.datetime64(spec.since, "us"))
        else:
            begin = self.moments(spec.since, spec.since_date or spec.date)
        return dates.rounded(dates.after(begin, values * dates.DAY), self._form(spec.source, spec.date))

    def _form(self, column: str, form: str) -> str:
        return dates.ISO if typed.is_moment(self.known.column(column).stored) else form


def told_of(spec: ColumnSpec, found: Texts, told: list[str]) -> None:
    """What a column's cells no longer say, or would not be read as."""
    if spec.below is not None or spec.above is not None:
        told.append(f"bounds of {spec.source} are written as the number that they bound")
    if spec.group:
        told.append(f"{spec.source} has chapters of {spec.group} in the place of codes")
    codes = {str(code) for code in spec.missing}
    if lost := sum(cell in codes for cell in found):
        told.append(f"{lost} values of {spec.source} are codes for missing: they are read as missing")
