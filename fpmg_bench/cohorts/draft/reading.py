"""Reads a user's table as the folder dataset will read it: cells are strings, and only declared words mean nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft import times
from fpmg_bench.document import EXACT
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".csv", ".parquet")
ROWS_LOOKED_AT = 20_000
MISSING = ("", "NA", "NaN", "nan")  # what a csv's empty cells are by default
ALSO = ("N/A", "n/a", "#N/A", "NULL", "null", "NAN", "None", "<NA>", ".")  # taken as missing too where they occur


@dataclass(frozen=True, slots=True)
class Rows:
    """frame: strings, None where missing; missing: all words that mean nothing, if they are more than the default."""

    file: Path
    frame: pd.DataFrame
    missing: tuple[str, ...] = ()


def find_table(folder: Path) -> Path:
    """The table of records in a folder: manifest.*, or the only one that is no long series. Raises DatasetError."""
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: there is no such folder or table", "name a csv or parquet table, or the folder that holds it"
        )
    found = sorted(file for file in folder.iterdir() if file.suffix in TABLES and not is_long(file))
    named = [file for file in found if file.stem == "manifest"]
    if len(found) > 1 and not named:
        found = [file for file in found if not is_wide(file)] or found
    if len(named or found) != 1:
        what = ", ".join(file.name for file in found) or "none"
        raise DatasetError(
            f"{folder}: which table lists the records? found: {what}", "name it: fpmg-bench data new FOLDER/TABLE.csv"
        )
    return (named or found)[0]


def is_long(file: Path) -> bool:
    """Is it a table of (record, time, variable, value)?"""
    return times.roles(_header(file)) is not None


def is_wide(file: Path) -> bool:
    """Is it a table of (record, time, a column for each variable): no column names its rows, one and the time do?"""
    import pandas as pd

    names = _header(file)
    time = times.called(times.TIME[:3], names)
    if not time or is_long(file) or len(names) < 3:
        return False
    if file.suffix == ".parquet":
        frame = read(file).frame.head(ROWS_LOOKED_AT)
    else:
        frame = pd.read_csv(file, dtype=str, encoding="utf-8-sig", encoding_errors="replace", nrows=ROWS_LOOKED_AT)
    known = [str(name) for name in frame.columns if name != time and frame[name].notna().all()]
    if len(frame) < 2 or frame[time].is_unique or any(frame[name].is_unique for name in known):
        return False
    return any(not frame.duplicated([name, time]).any() for name in known)


def _header(file: Path) -> list[str]:
    import csv

    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        return [str(name) for name in pq.read_schema(file).names]
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        return next(csv.reader(stream), [])


def read(file: Path) -> Rows:
    """The whole table. Raises DatasetError where it cannot be read as the folder dataset reads."""
    import pandas as pd
    import pyarrow.parquet as pq

    hint = "a csv (UTF-8, commas, with a header) or parquet table, one row a record"
    try:
        if file.suffix == ".parquet":
            return Rows(file, pq.read_table(file).to_pandas(integer_object_nulls=True).apply(strings))
        frame = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: {error}", hint) from error
    if len(frame.columns) == 1 and ";" in str(frame.columns[0]):
        raise DatasetError(f"{file}: its cells are parted by ';'", "save it with commas (and decimal points)")
    words = [word for word in ALSO if frame.isin([word]).to_numpy().any()]
    missing = (*MISSING, *words)
    empty = frame.isin(missing)
    return Rows(file, frame.astype(object).where(~empty, None), missing if words else ())


def strings(column: pd.Series[Any]) -> pd.Series[Any]:
    """Typed cells as the folder dataset writes them: 1.0 and 1 are both "1"."""
    import pandas as pd

    known = column.dropna()
    if pd.api.types.is_float_dtype(column) and bool(((known % 1 == 0) & (known.abs() <= EXACT)).all()):
        column = column.astype("Int64")
    return column.astype(object).map(str, na_action="ignore").where(column.notna(), None)
