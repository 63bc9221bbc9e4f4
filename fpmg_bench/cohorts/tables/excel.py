"""Sheets of Excel files as the rows of a csv: dates in ISO's form, whole numbers without a point. Needs the extra [excel]."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import DatasetError


def sheet(file: Path, name: str = "") -> Iterator[tuple[int, list[str]]]:
    """(row from 1, its cells) of the sheet, the first where none is named. Rows before the first filled one are left out."""
    book = _opened(file)
    try:
        if name and name not in book.sheetnames:
            raise DatasetError(
                f"{file}: no sheet '{name}'.{did_you_mean(name, book.sheetnames)}",
                f"`sheet:` is one of {', '.join(book.sheetnames)}",
            )
        width = 0
        for at, row in enumerate((book[name] if name else book.worksheets[0]).iter_rows(values_only=True), 1):
            cells = [_word(cell) for cell in row]
            if not width and any(cells):
                width = max(place for place, cell in enumerate(cells, 1) if cell)
            if width:
                yield at, cells[:width] + ([] if not any(cells[width:]) else cells[width:]) + [""] * (width - len(cells))
    finally:
        book.close()


def sheets(file: Path) -> list[str]:
    """Names of its sheets, in order."""
    book = _opened(file)
    try:
        return list(book.sheetnames)
    finally:
        book.close()


def _opened(file: Path) -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise DatasetError(
            f"{file}: Excel files need openpyxl", "pip install 'fpmg-bench[excel]', or save the sheet as csv"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and checks that are not read
            return openpyxl.load_workbook(file, read_only=True, data_only=True)
    except Exception as error:  # zipfile, XML and openpyxl raise many kinds at a broken file
        raise DatasetError(f"{file}: not an Excel file ({type(error).__name__})", "save it again as .xlsx, or as csv") from error


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
