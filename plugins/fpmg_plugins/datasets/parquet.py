"""Parquet files, read by the calling thread alone.

pyarrow's pools outlive the call that filled them, and a process with a live thread cannot be forked safely once patients are loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def frame(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """These columns of a parquet file (all by default), all its rows. Integers with gaps stay integers. Raises as pyarrow does."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, pre_buffer=False) as stored:  # buffering ahead is what the pool for input does
        table = stored.read(columns=None if columns is None else list(columns), use_threads=False)
    cells: pd.DataFrame = table.to_pandas(use_threads=False, integer_object_nulls=True)  # not floats, which would round ids
    return cells
