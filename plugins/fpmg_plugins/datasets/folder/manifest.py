"""Reads manifests and long tables (csv or parquet) whole and strictly; errors name the line or row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows of one file. frame: cells, strings of a csv with None where empty, typed columns of a parquet;

    rows [n]: line of each row in a csv, row from 1 in a parquet.
    """

    file: Path
    frame: pd.DataFrame
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, mask: NDArray[np.bool_]) -> Manifest:
        """The rows where the mask is True."""
        return replace(self, frame=self.frame[mask].reset_index(drop=True), rows=self.rows[mask])

    def place(self, at: int, column: str) -> str:
        """`file:17: column 'age'`; the content of a cell is never shown."""
        return f"{self.file}:{self.rows[at]}: column '{column}'"

    def cells(self, column: str, declared_at: str) -> pd.Series[Any]:
        """One column. Raises DatasetError at the line of the cohort.yaml that asks for it where the file lacks it."""
        if column in self.frame:
            return self.frame[column]
        guess = did_you_mean(column, map(str, self.frame.columns))
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
    import pyarrow as pa

    try:
        frame = parquet.frame(file)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{file}: truncated, or not a parquet file ({str(error).splitlines()[0]})", "write it again"
        ) from error
    return Manifest(file, frame, np.arange(1, len(frame) + 1))


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
    return Manifest(file, pd.DataFrame(rows, columns=header, dtype=object), np.asarray(lines, dtype=np.int64))


def _line_of_bad_byte(file: Path) -> int:
    """Line of the first byte that is not UTF-8."""
    raw = file.read_bytes()
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return raw.count(b"\n", 0, error.start) + 1
    return 1
