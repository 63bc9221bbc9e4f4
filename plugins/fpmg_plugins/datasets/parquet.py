"""Parquet files, read by the calling thread alone, and only the columns and groups of rows that are asked for.

pyarrow's pools outlive the call that filled them, and a process with a live thread cannot be forked safely once patients are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq


def frame(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """These columns of a parquet file (all by default), all its rows. Integers with gaps stay integers. Raises as pyarrow does."""
    with _opened(file) as stored:
        return _cells(stored.read(columns=None if columns is None else list(columns), use_threads=False))


def parts(file: Path, column: str) -> Iterator[pd.Series[Any]]:
    """One column, a group of rows after the other; whole where it holds floats, whose meaning as words depends on all of them."""
    import pyarrow as pa

    with _opened(file) as stored:
        if pa.types.is_floating(stored.schema_arrow.field(column).type):
            yield _cells(stored.read(columns=[column], use_threads=False))[column]
            return
        for group in range(stored.num_row_groups):
            yield _cells(stored.read_row_group(group, columns=[column], use_threads=False))[column]


def shape(file: Path) -> tuple[int, tuple[str, ...]]:
    """(rows, names of the columns), from the file's end alone."""
    with _opened(file) as stored:
        return stored.metadata.num_rows, tuple(map(str, _cells(stored.schema_arrow.empty_table()).columns))


def types(file: Path) -> dict[str, str]:
    """column -> its type as arrow calls it, from the file's end alone."""
    with _opened(file) as stored:
        return {field.name: str(field.type) for field in stored.schema_arrow}


def _opened(file: Path) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    return pq.ParquetFile(file, pre_buffer=False)  # buffering ahead is what the pool for input does


def _cells(table: pa.Table) -> pd.DataFrame:
    cells: pd.DataFrame = table.to_pandas(use_threads=False, integer_object_nulls=True)  # not floats, which would round ids
    return cells
