"""Reads manifests and long tables strictly: a csv whole, of a parquet the columns that are asked for; errors name the line or row."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets import parquet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = Callable[[str], pd.Series[Any]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows of one file, whose columns are read when they are asked for: strings of a csv with None where empty, typed ones of a parquet.

    whole(column): its cells in all rows of the file; parts(column): the same, some rows after the others; at [n]: which of the
    file's rows these are; lines: of all rows of the file, the line in a csv, the row from 1 in a parquet.
    """

    file: Path
    names: Sequence[str]
    whole: Column
    parts: Callable[[str], Iterable[pd.Series[Any]]]
    at: NDArray[np.int64]
    lines: NDArray[np.int64]

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
        return f"{self.file}:{self.rows[at]}: column '{column}'"

    def cells(self, column: str, declared_at: str) -> pd.Series[Any]:
        """One column. Raises DatasetError at the line of the cohort.yaml that asks for it where the file lacks it."""
        self._has(column, declared_at)
        return self.whole(column).iloc[self.at].reset_index(drop=True)

    def words(self, column: str, declared_at: str) -> Iterator[pd.Series[Any]]:
        """One column, some rows after the others: for what is mapped to numbers at once. Raises as `cells`."""
        self._has(column, declared_at)
        start = 0
        for part in self.parts(column):
            first, last = np.searchsorted(self.at, (start, start + len(part)))
            yield part.iloc[self.at[first:last] - start].reset_index(drop=True)
            start += len(part)

    def _has(self, column: str, declared_at: str) -> None:
        if column not in self.names:
            guess = did_you_mean(column, self.names)
            raise DatasetError(f"{declared_at}: {self.file} has no column '{column}'.{guess}", "name one of its columns")


def read(file: Path, missing: Sequence[str]) -> Manifest:
    """The rows of a .csv (UTF-8; `missing`: cells that mean nothing) or .parquet file."""
    if not file.is_file():
        raise DatasetError(f"{file}: there is no such file", "names in cohort.yaml are relative to its root")
    if file.suffix == ".csv":
        return _read_csv(file, set(missing))
    if file.suffix == ".parquet":
        return _read_parquet(file)
    raise DatasetError(f"{file}: only .csv and .parquet can be read")


def _read_parquet(file: Path) -> Manifest:
    with _whole(file):
        count, names = parquet.shape(file)

    def whole(column: str) -> pd.Series[Any]:
        with _whole(file):
            return parquet.frame(file, [column])[column]

    def parts(column: str) -> Iterator[pd.Series[Any]]:
        with _whole(file):
            yield from parquet.parts(file, column)

    return Manifest(file, names, whole, parts, np.arange(count), np.arange(1, count + 1))


@contextmanager
def _whole(file: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{file}: truncated, or not a parquet file ({str(error).splitlines()[0]})", "write it again"
        ) from error


def _read_csv(file: Path, missing: set[str]) -> Manifest:
    header: list[str] = []
    rows: list[list[str | None]] = []
    lines: list[int] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            line = reader.line_num + 1
            for cells in reader:
                if cells and len(cells) != len(header):
                    raise DatasetError(f"{file}:{line}: {len(cells)} cells where the header has {len(header)}")
                if cells:
                    rows.append([None if cell in missing else cell for cell in cells])
                    lines.append(line)
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file}:{_line_of_bad_byte(file)}: not UTF-8 ({error.reason})", "save the file as UTF-8") from error
    except csv.Error as error:
        raise DatasetError(f"{file}:{len(rows) + 2}: not a csv file: {error}") from error
    twice = {name for name in header if header.count(name) > 1}
    if twice or not header:
        raise DatasetError(f"{file}:1: " + (f"column '{sorted(twice)[0]}' is there twice" if twice else "the file is empty"))
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    return Manifest(
        file, header, frame.__getitem__, lambda column: [frame[column]], np.arange(len(rows)), np.asarray(lines, np.int64)
    )


def _line_of_bad_byte(file: Path) -> int:
    """Line of the first byte that is not UTF-8."""
    raw = file.read_bytes()
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return raw.count(b"\n", 0, error.start) + 1
    return 1
