"""From how cells are written to what they say: numbers with marks, units and bounds, pieces of cells, dates, codes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.icd10 import chapter
from fpmg_bench.cohorts.tables import Form, strings
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder.cell_spec import ISO_DAY
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ColumnSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOUND = re.compile(r"\s*([<>≤≥])=?\s*(.*)", re.DOTALL)
WRONG = "not a number"  # in the place of a cell that cannot be read: the caller names its row


def says_nothing(spec: ColumnSpec, words: pd.Series[Any]) -> pd.Series[Any]:
    """Which cells [n] are one of the column's codes for missing; -9 and "-9.0" are the same."""
    codes = {str(code) for code in spec.missing}
    amounts = {value for code in codes if (value := _float(code)) is not None}
    return _each(words, lambda word: word in codes or (bool(amounts) and _float(word) in amounts), False).astype(bool)


def plain(spec: ColumnSpec, form: Form, cells: pd.Series[Any], dropped: Counter[str]) -> pd.Series[Any]:
    """Numbers as Python writes them. Bounds ("<0.1") are read as what they bound, and counted."""
    decimal = spec.decimal or form.decimal
    thousands = form.thousands if spec.thousands is None else spec.thousands
    usual = decimal == "." and not thousands
    bounded = spec.below is not None or spec.above is not None
    if (usual and not (spec.suffix or spec.split or bounded)) or pd.api.types.is_numeric_dtype(cells):
        return cells
    number = re.compile(_number(decimal, thousands))

    def read(word: str) -> str:
        piece = _piece(spec, word).strip().removesuffix(spec.suffix.strip()).rstrip()
        if found := _bound(spec, piece):
            piece = found
        if not number.fullmatch(piece):
            return WRONG
        return (piece.replace(thousands, "") if thousands else piece).replace(decimal, ".")

    words = strings(cells)
    if bounded:
        bounds = _each(words, lambda word: _bound(spec, _piece(spec, word).strip()) is not None, False).astype(bool)
        if bounds.any():
            dropped[f"cells of {spec.name} below or above a bound, read as the bound"] += int(bounds.sum())
    return _each(words, read)


def _number(decimal: str, thousands: str) -> str:
    """Digits in threes where there is a mark between them: "12.34" is not 1,234."""
    digits = r"\d+" if not thousands else rf"(?:\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|\d+)"
    return rf"[-+]?(?:{digits}(?:{re.escape(decimal)}\d*)?|{re.escape(decimal)}\d+)(?:[eE][-+]?\d+)?"


def _piece(spec: ColumnSpec, word: str) -> str:
    if not spec.part:
        return word
    pieces = word.split(spec.split)
    return pieces[spec.part - 1] if len(pieces) == spec.parts else WRONG


def _bound(spec: ColumnSpec, word: str) -> str | None:
    """ "0.1" of "<0.1", where the column declares that side."""
    if not (found := BOUND.fullmatch(word)):
        return None
    side = spec.below if found[1] in "<≤" else spec.above
    return found[2] if side is not None else None


def way_out(spec: ColumnSpec, manifest: Manifest, at: int) -> str:
    """What to declare so that the cell is read. What stands in it is not told."""
    word = str(strings(manifest.cells(spec.source, "")).iloc[at])
    if BOUND.fullmatch(word):
        return "a bound such as <0.1: declare `below` (or `above`: the limit of the method), then it is read as the bound"
    if spec.part:
        return f"it has not exactly {spec.parts} parts: mend the cell, or `map` it to null"
    if re.fullmatch(r"[-+]?[\d.' ]*\d,\d+", word):
        return 'a comma in a number: declare `decimal: ","` or `thousands: ","`'
    if re.fullmatch(r"[-+]?\d+(\.\d+)?\s*/\s*\d+(\.\d+)?", word):
        return 'two numbers in a cell: declare two columns, with `split: "/", part: 1` and `part: 2`'
    if re.match(r"[-+]?\d+([.,]\d+)?\s*[^\d\s.,]", word):
        return "something behind the number: declare it as `suffix`, or `map` the cell"
    return "mend the cell, or `map` the word to a number, or to null"


def days(spec: ColumnSpec, manifest: Manifest, declared_at: str, dropped: Counter[str]) -> NDArray[np.float64]:
    """Days [n] since the reference, NaN where missing. A date whose reference is missing is missing too, and counted."""
    dates = _dates(spec, spec.source, spec.date, manifest, declared_at)
    if ISO_DAY.fullmatch(spec.since):
        since = pd.Series(pd.Timestamp(spec.since), index=dates.index)
    else:
        since = _dates(spec, spec.since, spec.since_date or spec.date, manifest, declared_at)
    lost = (dates.notna() & since.isna()).sum()
    if lost:
        dropped[f"dates of {spec.name} without a day in {spec.since} to count from"] += int(lost)
    return np.asarray((dates - since).dt.total_seconds() / 86_400, dtype=np.float64)


def _dates(spec: ColumnSpec, column: str, form: str, manifest: Manifest, declared_at: str) -> pd.Series[Any]:
    cells = manifest.cells(column, declared_at)
    if pd.api.types.is_datetime64_any_dtype(cells):
        typed: pd.Series[Any] = cells if cells.dt.tz is None else cells.dt.tz_convert("UTC").dt.tz_localize(None)
        return typed
    words = strings(cells)
    words = words.where(~says_nothing(spec, words), None)
    words = words.map(lambda word: None if word in spec.map else word) if spec.map else words
    found = pd.to_datetime(words, format=form, errors="coerce", utc=True).dt.tz_localize(None)
    wrong = found.isna().to_numpy() & words.notna().to_numpy()
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise DatasetError(
            f"{manifest.place(at, column)}: not a date of the form {form}", f"{declared_at}: mend the cell, or `map` it to null"
        )
    return found


def grouped(spec: ColumnSpec, words: pd.Series[Any], dropped: Counter[str]) -> pd.Series[Any]:
    """Codes as the chapter they belong to, which is counted: the chapter does not tell the code."""
    if not spec.group:
        return words
    found = _each(words, lambda word: chapter(word) or word)
    changed = (found != words) & words.notna()
    if changed.any():
        dropped[f"codes of {spec.name} read as their chapter"] += int(changed.sum())
    return found


def holds(spec: ColumnSpec, words: pd.Series[Any]) -> NDArray[np.float64]:
    """1 where one of a cell's pieces is the code, 0 where none is, NaN where the cell is empty."""
    return _each(words, lambda word: float(spec.holds in pieces(spec, word))).to_numpy(dtype=np.float64)


def unheld(columns: Iterable[ColumnSpec], manifest: Manifest, dropped: Counter[str]) -> None:
    """Count the codes in cells of several that no flag of the table holds."""
    flags: dict[str, list[ColumnSpec]] = {}
    for column in columns:
        if column.holds:
            flags.setdefault(column.source, []).append(column)
    for source, held in flags.items():
        others = _each(strings(manifest.cells(source, "")), partial(_others, held[0], {column.holds for column in held}), 0)
        if lost := int(others.sum()):
            dropped[f"codes of {source} that no flag holds"] += lost


def _others(spec: ColumnSpec, held: set[str], word: str) -> int:
    return len(pieces(spec, word) - held)


def pieces(spec: ColumnSpec, word: str) -> set[str]:
    """Codes of a cell, as their chapters where the column groups."""
    found = {piece.strip() for piece in word.split(spec.split)} - {""}
    return {chapter(piece) or piece for piece in found} if spec.group else found


def _each(words: pd.Series[Any], read: Callable[[str], Any], missing: Any = None) -> pd.Series[Any]:
    """`read` of each different word, once; `missing` where there is none."""
    codes, known = pd.factorize(words)
    table = np.empty(len(known) + 1, dtype=object)
    table[:] = [*(read(str(word)) for word in known), missing]
    return pd.Series(table[codes], index=words.index, dtype=object)  # -1, missing, is the last


def _float(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
