"""Tables of a written cohort: csv or parquet, by the file's ending."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd


def write_table(columns: Mapping[str, Any], file: Path) -> None:
    """Columns [n] by name. csv: UTF-8, a missing cell is empty, a number has as many digits as give it back.

    Raises DatasetError where a text is not valid Unicode.
    """
    import pandas as pd

    frame = pd.DataFrame(dict(columns))
    try:
        if file.suffix == ".csv":
            _csv(frame, file)
        else:
            frame.to_parquet(file, index=False)
    except UnicodeEncodeError as error:
        raise DatasetError(
            f"{file}: a text is not valid Unicode ({error.reason})", "generated text must not hold lone surrogates"
        ) from error


def _csv(frame: pd.DataFrame, file: Path) -> None:
    words = [c for c in frame.columns if frame[c].dtype == object]
    odd = any(isinstance(cell, str) and "\r" in cell for c in words for cell in frame[c])
    # the writer leaves a lone \r bare, and readers end a line there
    frame.to_csv(file, index=False, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
