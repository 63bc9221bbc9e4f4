"""Manifests and long tables: a csv is read whole, of a parquet the columns that are asked for; errors name the line or row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.tables import TABLES, USUAL, Form, read_cells
from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets import parquet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = Callable[[str], pd.Series[Any]]


OPEN = "FILL IN"  # in a draft, what a person has to say
LISTED = 40  # columns that a message names


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows of one file, whose columns are read when they are asked for: strings of a csv with None where empty, typed ones of a parquet.

    whole(column): its cells in all rows of the file; parts(column): the same, some rows after the others; at [n]: which of the
    file's rows these are; lines: of all rows of the file, the line in a csv, the row from 1 in a parquet; form: how its cells are
    written, forms: of a joined table's columns; said: column -> cells with a word that means nothing; lost: reason -> rows or cells that were not read; told: what was
    done to its header; elsewhere(row, column): where a cell of a joined table stands, "" of the manifest's own.
    """

    file: Path
    names: Sequence[str]
    whole: Column
    parts: Callable[[str], Iterable[pd.Series[Any]]]
    at: NDArray[np.int64]
    lines: NDArray[np.int64]
    form: Form = USUAL
    forms: Mapping[str, Form] = field(default_factory=dict)
    said: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    told: Sequence[str] = ()
    elsewhere: Callable[[int, str], str] = lambda row, column: ""

    def __len__(self) -> int:
        return len(self.at)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Line or row [n] of each row."""
        return self.lines[self.at]

    def take(self, mask: NDArray[np.bool_]) -> Manifest:
        """The rows where the mask is True."""
        return replace(self, at=self.at[mask])

    def place(self, at: int, column: str) -> str:
        """`file:17: column 'age'`; the content of a cell is never shown."""
        where = self.elsewhere(int(self.at[at]), column) or f"{self.file}:{self.rows[at]}"
        return f"{where}: column '{column}'"

    def cells(self, column: str, declared_at: str) -> pd.Series[Any]:
        """One column. Raises DatasetError at the line of the cohort.yaml that asks for it where the file lacks it."""
        self._has(column, declared_at)
        return self.whole(column).iloc[self.at].reset_index(drop=True)

    def written(self, column: str) -> Form:
        """How the column's cells are written."""
        return self.forms.get(column, self.form)

    def words(self, column: str, declared_at: str) -> Iterator[pd.Series[Any]]:
        """One column, some rows after the others: for what is mapped to numbers at once. Raises as `cells`."""
        self._has(column, declared_at)
        start = 0
        for part in self.parts(column):
            first, last = np.searchsorted(self.at, (start, start + len(part)))
            yield part.iloc[self.at[first:last] - start].reset_index(drop=True)
            start += len(part)

    def _has(self, column: str, declared_at: str) -> None:
        if column == OPEN:
            some = ", ".join(self.names[:LISTED]) + (" ..." if len(self.names) > LISTED else "")
            raise DatasetError(f"{declared_at}: {OPEN}: the draft left this open", f"name a column of {self.file.name}: {some}")
        if column not in self.names:
            guess = did_you_mean(column, self.names)
            raise DatasetError(f"{declared_at}: {self.file} has no column '{column}'.{guess}", self._way_out())

    def _way_out(self) -> str:
        """Where the header was not taken apart it was parted by another mark."""
        if len(self.names) == 1 and (mark := next((each for each in ";\t|," if each in self.names[0]), "")):
            return f"its cells seem to be parted by {mark!r}: declare `separator: {json.dumps(mark)}`"
        return "name one of its columns"


def read(file: Path, missing: Sequence[str], form: Form = USUAL, most: int | None = None) -> Manifest:
    """The rows of a .csv or .xlsx (`missing`: cells that mean nothing; the first `most` of them) or .parquet file. form: how it is written."""
    if not file.is_file():
        raise DatasetError(f"{file}: there is no such file", "names in cohort.yaml are relative to its root")
    if file.suffix == ".parquet":
        return _read_parquet(file, form)
    if file.suffix in TABLES:
        return _read_cells(file, missing, form, most)
    raise DatasetError(f"{file}: no table that can be read", f"a table is one of {', '.join(TABLES)}")


def _read_parquet(file: Path, form: Form) -> Manifest:
    with _whole(file):
        count, names = parquet.shape(file)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DatasetError(f"{file}: column '{twice[0]}' is there twice", "write the table again with names of their own")

    def whole(column: str) -> pd.Series[Any]:
        with _whole(file):
            return parquet.frame(file, [column])[column]

    def parts(column: str) -> Iterator[pd.Series[Any]]:
        with _whole(file):
            yield from parquet.parts(file, column)

    return Manifest(file, names, whole, parts, np.arange(count), np.arange(1, count + 1), form)


@contextmanager
def _whole(file: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{file}: truncated, or not a parquet file ({str(error).splitlines()[0]})", "write it again"
        ) from error


def _read_cells(file: Path, missing: Sequence[str], form: Form, most: int | None) -> Manifest:
    found = read_cells(file, missing, form, most)
    frame = found.frame
    return Manifest(
        file, list(frame.columns), frame.__getitem__, lambda column: [frame[column]], np.arange(len(frame)), found.lines,
        form, {}, found.said, found.lost, found.told,
    )  # fmt: skip
