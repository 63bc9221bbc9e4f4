"""Cells of .csv and .xlsx files as strings, each with its line; nothing is guessed, and what is not kept is counted."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.tables.excel import sheet
from fpmg_bench.cohorts.tables.form import USUAL, Form
from fpmg_bench.document import EXACT
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

ROWS = 2**12  # held as lists at a time: more of them, and Python's collector goes through them again and again
LISTED = ";"  # between the pieces of a parquet's lists
LONGEST_CELL = 2**27  # characters; Python's own limit of 2^17 is shorter than some reports


@dataclass(frozen=True, slots=True)
class Cells:
    """frame: strings, None where nothing is said; lines [n]: where each row begins in its file.

    said: column -> cells with a word that means nothing (not the empty ones); lost: reason -> rows that are not in the frame;
    told: what was done to the header; titles: the header as it is written, a word for each column.
    """

    frame: pd.DataFrame
    lines: NDArray[np.int64]
    said: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


def read_cells(file: Path, missing: Collection[str], form: Form = USUAL, most: int | None = None) -> Cells:
    """A .csv, .tsv, .txt or .xlsx file with a header, or the first `most` rows of it. Raises DatasetError at the line that is wrong."""
    import numpy as np
    import pandas as pd

    found = sheet(file, form.sheet, form.header) if file.suffix == ".xlsx" else _lines(file, form)
    header = next(found, (1, []))[1]
    if not any(header):
        raise DatasetError(f"{file}:1: the file is empty", "its first line names the columns")
    if any("\0" in name for name in header):
        raise DatasetError(
            f"{file}:1: zero bytes between the letters", "declare `encoding: utf-16` (or utf-16-le) in cohort.yaml"
        )
    lines: list[int] = []
    parts: list[pd.DataFrame] = []
    said, empty = Counter[str](), 0
    names, told = named(header)
    found = islice(found, most)
    while rows := list(islice(found, ROWS)):
        filled = [(line, row) for line, row in rows if any(row)]
        empty += len(rows) - len(filled)
        if not lines and filled and _has_row_names(header, filled[0][1]):
            header = ["", *header]
            names, told = named(header)
        cells = [_fitted(row, len(names), file, line, form) for line, row in filled]
        said += _said(cells, names, frozenset(missing) - {""})
        parts.append(_frame(cells, names, frozenset(missing)))
        lines += [line for line, _ in filled]
    frame = pd.concat(parts, ignore_index=True) if parts else _frame([], names, frozenset())
    lost = {f"empty rows of {file.name}": empty} if empty else {}
    lost |= {f"lines above the header of {file.name}": form.header - 1} if form.header > 1 else {}
    return Cells(frame, np.asarray(lines, np.int64), said, lost, told, tuple(header))


def _frame(rows: Sequence[Sequence[str]], names: list[str], nothing: frozenset[str]) -> pd.DataFrame:
    """Equal words of one column are one object: a long table of millions of rows holds few different ones."""
    import pandas as pd

    known: dict[str, str | None] = dict.fromkeys(nothing)
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    cells = {at: [known.setdefault(cell, cell) for cell in column] for at, column in enumerate(columns)}
    frame = pd.DataFrame(cells, dtype=object)
    frame.columns = pd.Index(names, dtype=object)
    return frame


def named(header: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """(a name for each column, what was done): one without a name is `column 3`, the second `age` is `age (2)`."""
    names: list[str] = []
    told: list[str] = []
    for at, given in enumerate(header, 1):
        name, again = given or f"column {at}", 1
        while name in names:
            again += 1
            name = f"{given or f'column {at}'} ({again})"
        if name != given:
            told.append(f"column {at} has no name: '{name}'" if not given else f"a second '{given}' is '{name}'")
        names.append(name)
    return names, tuple(told)


def _lines(file: Path, form: Form) -> Iterator[tuple[int, list[str]]]:
    """Rows that are no blank lines, each with the line it begins in."""
    encoding = "utf-8-sig" if form.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else form.encoding
    csv.field_size_limit(LONGEST_CELL)
    line = 1
    try:
        with file.open(encoding=encoding, newline="") as stream:
            reader = csv.reader(stream, strict=True, delimiter=form.separator)
            for cells in reader:
                if cells and line >= form.header:
                    yield line, cells
                line = reader.line_num + 1
    except UnicodeError as error:
        wrong = f"not {form.encoding.upper()} ({getattr(error, 'reason', error)})"
        raise DatasetError(
            f"{file}:{_line_of_bad_byte(file, encoding)}: {wrong}",
            "declare its `encoding` in cohort.yaml (latin-1, utf-16, cp1252 ...), or save the file as UTF-8",
        ) from error
    except csv.Error as error:
        raise DatasetError(f"{file}:{line}: not a csv file: {error}", "look for a quote that is not closed") from error


def strings(column: pd.Series[Any]) -> pd.Series[Any]:
    """Typed cells as strings, None where missing; 1.0 and 1 are both "1"; the pieces of a list with `LISTED` between them."""
    import pandas as pd

    known = column.dropna()
    if len(known) and known.dtype == object and _is_list(known.iloc[0]):
        listed = known.map(lambda cell: LISTED.join(map(str, cell)) if _is_list(cell) else str(cell))
        return listed.reindex(column.index).astype(object).where(column.notna(), None)
    if pd.api.types.is_float_dtype(column) and bool(((known % 1 == 0) & (known.abs() <= EXACT)).all()):
        column = column.astype("Int64")
    return column.astype(object).map(str, na_action="ignore").where(column.notna(), None)


def _is_list(cell: object) -> bool:
    return hasattr(cell, "__iter__") and not isinstance(cell, str | bytes | dict)


def _line_of_bad_byte(file: Path, encoding: str) -> int:
    """Line of the first byte that cannot be read, 1 where it cannot be told."""
    raw = file.read_bytes()
    try:
        raw.decode(encoding)
    except UnicodeDecodeError as error:
        return raw.count(b"\n", 0, error.start) + 1
    except UnicodeError:  # no byte order mark: no byte of it is the one
        return 1
    return 1


def _has_row_names(header: list[str], row: list[str]) -> bool:
    """R's write.table leaves the column of row names without a header: then rows have one cell more, and not an empty one."""
    return len(row) == len(header) + 1 and bool(row[-1])


def _fitted(row: list[str], width: int, file: Path, line: int, form: Form) -> list[str]:
    """Separators at the end of a row are taken away. Raises DatasetError where cells would be lost."""
    if len(row) == width:
        return row
    if len(row) > width and not any(row[width:]):
        return row[:width]
    raise DatasetError(
        f"{file}:{line}: {len(row)} cells where the header has {width}",
        f"put cells that hold '{form.separator}' in quotes, or declare another `separator` in cohort.yaml",
    )


def _said(rows: list[list[str]], names: list[str], words: frozenset[str]) -> Counter[str]:
    """Cells a column that hold one of the words."""
    count = Counter(at for row in rows if not words.isdisjoint(row) for at, cell in enumerate(row) if cell in words)
    return Counter({names[at]: n for at, n in sorted(count.items())})
