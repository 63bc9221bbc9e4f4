"""Sheets of Excel files as the rows of a csv: dates in ISO's form, whole numbers without a point. Needs the extra [excel]."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import DatasetError

LOOKED_AT = 200  # rows by which the sheet with the table is found


def sheet(file: Path, name: str = "", first: int = 1) -> Iterator[tuple[int, list[str]]]:
    """(row from 1, its cells) of the sheet, the first where none is named. Rows before `first` and the first filled one are left out."""
    book = _opened(file)
    try:
        width = 0
        for at, row in enumerate(_rows(book, file, name), 1):
            if at < first:
                continue
            cells = [_word(cell) for cell in row]
            if not width and any(cells):
                width = max(place for place, cell in enumerate(cells, 1) if cell)
            if width:
                yield at, cells[:width] + ([] if not any(cells[width:]) else cells[width:]) + [""] * (width - len(cells))
    finally:
        book.close()


def types(file: Path, name: str, width: int, first: int = 1, most: int = 1000) -> list[type | None]:
    """What the cells of each column are below its title: bool, int or float, datetime or str; None where no cell is filled in.

    float where whole numbers stand beside others, or words ("n/a") among numbers; str where else kinds are mixed; of the first `most` rows.
    """
    book = _opened(file)
    try:
        filled = (row for row in islice(_rows(book, file, name), first - 1, None) if any(cell is not None for cell in row))
        next(filled, ())
        seen: list[set[type]] = [set() for _ in range(width)]
        for row in islice(filled, most):
            for at, cell in enumerate(row[:width]):
                seen[at] |= {type(cell)} - {type(None)}
        return [
            next(iter(kinds)) if len(kinds) == 1 else float if kinds <= {int, float, str} and kinds else str if kinds else None
            for kinds in seen
        ]
    finally:
        book.close()


def _rows(book: Any, file: Path, name: str) -> Iterator[tuple[Any, ...]]:
    if name and name not in book.sheetnames:
        raise DatasetError(
            f"{file}: no sheet '{name}'.{did_you_mean(name, book.sheetnames)}",
            f"`sheet:` is one of {', '.join(book.sheetnames)}",
        )
    yield from (book[name] if name else book.worksheets[0]).iter_rows(values_only=True)


def sheets(file: Path) -> list[str]:
    """Names of its sheets, in order."""
    book = _opened(file)
    try:
        return list(book.sheetnames)
    finally:
        book.close()


def largest(file: Path) -> str:
    """The sheet with the most filled cells in its first rows; "" where that is the first one."""
    names = sheets(file)
    if len(names) < 2:
        return ""
    filled = {name: sum(map(bool, (cell for _, row in islice(sheet(file, name), LOOKED_AT) for cell in row))) for name in names}
    best = max(names, key=lambda name: filled[name])
    return best if filled[best] > filled[names[0]] else ""


def _opened(file: Path) -> Any:
    openpyxl = _package(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and checks that are not read
            return openpyxl.load_workbook(file, read_only=True, data_only=True)
    except Exception as error:  # zipfile, XML and openpyxl raise many kinds at a broken file
        raise DatasetError(f"{file}: not an Excel file ({type(error).__name__})", "save it again as .xlsx, or as csv") from error


def _package(file: Path) -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise DatasetError(
            f"{file}: Excel files need openpyxl", "pip install 'fpmg-bench[excel]', or save the sheet as csv"
        ) from error
    return openpyxl


def _word(cell: object) -> str:
    """One cell as a csv would hold it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) <= 2**53:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ", timespec="seconds")
    return str(cell)


def write_sheet(rows: Iterable[Sequence[Any]], file: Path, name: str = "", first: int = 1) -> int:
    """Rows, from row `first` on, as a sheet of a new or existing .xlsx. A text stays a text, also one that begins with =.

    Returns the cells with control characters, which a sheet cannot hold: each is written as ?.
    """
    openpyxl = _package(file)
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = openpyxl.load_workbook(file) if file.exists() else openpyxl.Workbook()
    page = book.create_sheet() if file.exists() else book.active
    page.title = name or page.title
    lost = 0
    for at, row in enumerate(rows, first):
        for column, cell in enumerate(row, 1):
            word = ILLEGAL_CHARACTERS_RE.sub("?", cell) if isinstance(cell, str) else cell
            lost += word != cell
            place = page.cell(at, column, word)
            if isinstance(word, str) and word.startswith("="):
                place.data_type = "s"
    book.save(file)
    return lost
