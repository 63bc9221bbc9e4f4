"""Reads a user's tables as the folder dataset will read them: cells are strings, and only declared words mean nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft import times
from fpmg_bench.cohorts.tables import USUAL, Form, detect, read_cells, strings
from fpmg_bench.cohorts.tables.excel import sheet
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".csv", ".tsv", ".xlsx", ".parquet")
ROWS_LOOKED_AT = 20_000
DECLARED = ("encoding", "separator", "sheet", "header")  # of how a file is written, where it is not as usual
MISSING = ("", "NA", "NaN", "nan")  # what a csv's empty cells are by default
ALSO = ("N/A", "n/a", "#N/A", "NULL", "null", "NAN", "None", "<NA>", ".")  # taken as missing too where they occur


@dataclass(frozen=True, slots=True)
class Rows:
    """frame: strings, None where missing; missing: all words that mean nothing, if they are more than the default.

    form: how the file is written; told: what was done to its header; tables: those that were joined, as cohort.yaml declares them.
    """

    file: Path
    frame: pd.DataFrame
    missing: tuple[str, ...] = ()
    form: Form = USUAL
    told: tuple[str, ...] = ()
    tables: tuple[dict[str, Any], ...] = field(default=())


def find_table(folder: Path) -> Path:
    """The table of records in a folder: manifest.*, the only one that is no long series, or the one that all others join. Raises DatasetError."""
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: there is no such folder or table", "name a csv, Excel or parquet table, or the folder that holds it"
        )
    found = [file for file in tables_in(folder) if not is_long(file)]
    named = [file for file in found if file.stem == "manifest"]
    if len(found) > 1 and not named:
        found = [file for file in found if not is_wide(file)] or found
    named = named or (found if len(found) == 1 else _joining(found))
    if len(named) != 1:
        what = ", ".join(file.name for file in found) or "none"
        raise DatasetError(
            f"{folder}: which table lists the records? found: {what}", "name it: fpmg-bench data new FOLDER/TABLE.csv"
        )
    return named[0]


def tables_in(folder: Path) -> list[Path]:
    """Its tables by name, without the lock files that Office leaves."""
    return sorted(each for each in folder.iterdir() if each.suffix in TABLES and not each.name.startswith(("~$", ".")))


def is_long(file: Path) -> bool:
    """Is it a table of (record, time, variable, value)?"""
    return times.roles(header(file)) is not None


def is_wide(file: Path) -> bool:
    """Is it a table of (record, time, a column for each variable): no column names its rows, one and the time do?"""
    import pandas as pd

    names = header(file)
    time = times.called(times.TIME[:3], names)
    if not time or is_long(file) or len(names) < 3:
        return False
    if file.suffix in (".parquet", ".xlsx"):
        frame = read(file).frame.head(ROWS_LOOKED_AT)
    else:
        form = detect(file)
        try:
            frame = pd.read_csv(
                file,
                dtype=str,
                encoding=form.encoding,
                encoding_errors="replace",
                sep=form.separator,
                nrows=ROWS_LOOKED_AT,
                skiprows=form.header - 1,
            )
        except ValueError:
            return False  # whoever reads it says at which line it is no table
        frame.columns = frame.columns.str.lstrip("\ufeff")
    known = [str(name) for name in frame.columns if name != time and frame[name].notna().all()]
    if len(frame) < 2 or frame[time].is_unique or any(frame[name].is_unique and not _measured(frame[name]) for name in known):
        return False
    return any(not frame.duplicated([name, time]).any() for name in known)


def _measured(cells: pd.Series[Any]) -> bool:
    """Numbers with decimals name nothing, though no two may be equal."""
    return bool(cells.astype(str).str.fullmatch(r"-?\d*[.,]\d+").mean() > 0.5)


def header(file: Path) -> list[str]:
    """Names of its columns."""
    import csv

    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        return [str(name) for name in pq.read_schema(file).names]
    if file.suffix == ".xlsx":
        form = detect(file)
        return next(sheet(file, form.sheet, form.header), (1, []))[1]
    form = detect(file)
    with file.open(encoding=form.encoding, errors="replace", newline="") as stream:
        lines = islice(stream, form.header - 1, None)
        return next(csv.reader([next(lines, "").lstrip("\ufeff")], delimiter=form.separator), [])


def read(file: Path) -> Rows:
    """The whole table. Raises DatasetError where it cannot be read as the folder dataset reads."""
    import pyarrow.parquet as pq

    form = detect(file)
    if file.suffix == ".parquet":
        try:
            return Rows(file, pq.read_table(file).to_pandas(integer_object_nulls=True).apply(strings))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{file}: {error}", "a csv, Excel or parquet table with a header, one row a record") from error
    found = read_cells(file, (), form)
    seen = {name: set(found.frame[name]) for name in found.frame.columns}
    blank = sorted({cell for cells in seen.values() for cell in cells if cell and cell.isspace()})
    words = (*(word for word in ALSO if any(word in cells for cells in seen.values())), *blank)
    missing = {*MISSING, *words}
    frame = found.frame.apply(lambda cells: cells.where(~cells.isin(missing), None) if seen[cells.name] & missing else cells)
    return Rows(file, frame, (*MISSING, *words) if words else (), form, found.told)


def read_all(manifest: Path) -> Rows:
    """The table and those beside it that have one row for each value of a column of it."""
    rows = read(manifest)
    for file in tables_in(manifest.parent):
        if file != manifest and not is_long(file) and not is_wide(file):
            rows = _joined(rows, read(file))
    return rows


def _joined(rows: Rows, other: Rows) -> Rows:
    key = _key(rows.frame, other.frame)
    if not key:
        why = "no column of it names each of its rows once and is in the table of records too"
        return replace(rows, told=(*rows.told, f"FILL IN: {other.file.name} is not read: {why}"))
    prefix = f"{other.file.stem} " if set(other.frame.columns) & set(rows.frame.columns) - {key} else ""
    side = other.frame.set_index(key).reindex(rows.frame[key]).reset_index(drop=True).add_prefix(prefix)
    side = side.astype(object).where(side.notna(), None)
    made: dict[str, Any] = {"file": other.file.name, "key": key} | ({"prefix": prefix} if prefix else {})
    made |= {name: getattr(other.form, name) for name in DECLARED if getattr(other.form, name) != getattr(rows.form, name)}
    import pandas as pd

    return replace(
        rows, frame=pd.concat([rows.frame, side], axis=1), tables=(*rows.tables, made), told=(*rows.told, *other.told),
        missing=tuple(dict.fromkeys((*rows.missing, *other.missing))),
    )  # fmt: skip


def _key(frame: pd.DataFrame, other: pd.DataFrame) -> str:
    """The shared column that names the other's rows once, and most of its cells are in the frame."""

    def fits(name: str) -> bool:
        cells = other[name].dropna()
        return len(cells) > 0 and cells.is_unique and bool(cells.isin(set(frame[name].dropna())).mean() > 0.5)

    return next((str(name) for name in other.columns if name in frame.columns and fits(str(name))), "")


def _joining(files: list[Path]) -> list[Path]:
    """The one table that every other can be joined to: of several such, those with the most rows."""
    frames = {file: read(file).frame for file in files}
    good = [file for file in files if all(_key(frames[file], frames[each]) for each in files if each != file)]
    most = max((len(frames[file]) for file in good), default=0)
    return [file for file in good if len(frames[file]) == most]
