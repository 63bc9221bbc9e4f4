"""Tables of a written cohort: csv or parquet, by the file's ending."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.tables import USUAL, Form
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    pass


def write_table(columns: Mapping[str, Any], file: Path) -> None:
    """Columns [n] by name. csv: UTF-8, a missing cell is empty, a number has as many digits as give it back.

    Raises DatasetError where a text is not valid Unicode.
    """
    import pandas as pd

    if file.suffix == ".csv":
        write_csv(columns, file)
        return
    try:
        pd.DataFrame(dict(columns)).to_parquet(file, index=False)
    except UnicodeEncodeError as error:
        raise _no_unicode(file, error) from error


def write_csv(columns: Mapping[str, Any], file: Path, form: Form = USUAL, titles: Sequence[str] | None = None) -> int:
    """The same as text of a form, under other titles where they are given. Returns the cells with letters that its encoding lacks.

    Raises DatasetError where a text is not valid Unicode.
    """
    import pandas as pd

    frame = pd.DataFrame(dict(columns))
    words = [c for c in frame.columns if frame[c].dtype == object]
    odd = any(isinstance(cell, str) and "\r" in cell for c in words for cell in frame[c])
    # the writer leaves a lone \r bare, and readers end a line there
    frame.columns = pd.Index(frame.columns if titles is None else titles)
    above = "\n" * (form.header - 1)  # lines that nobody reads
    text = above + frame.to_csv(
        index=False, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL, sep=form.separator
    )
    try:
        raw = text.encode(form.encoding)
        lost = 0
    except UnicodeEncodeError:
        raw = text.encode(form.encoding, "replace")
        lost = sum(not _holds(cell, form.encoding) for column in columns.values() for cell in column)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _no_unicode(file, error) from error
    file.write_bytes(raw)
    return lost


def _holds(cell: Any, encoding: str) -> bool:
    try:
        return not isinstance(cell, str) or bool(cell.encode(encoding)) or not cell
    except UnicodeEncodeError:
        return False


def _no_unicode(file: Path, error: UnicodeEncodeError) -> DatasetError:
    return DatasetError(f"{file}: a text is not valid Unicode ({error.reason})", "generated text must not hold lone surrogates")
