"""Reads published csv tables in pieces and joins what the folder form needs; what finds no place is counted."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from fpmg_bench.errors import DatasetError

ROWS = 500_000  # of a piece: a few tens of MiB


def pieces(file: Path, columns: Sequence[str], strings: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
    """These columns, in their given order; `strings` stay as written (codes with leading zeros).

    Raises DatasetError at a file that is not there, is damaged, or lacks a column.
    """
    kinds = dict.fromkeys(strings, str)
    try:
        with pd.read_csv(file, usecols=list(columns), chunksize=ROWS, low_memory=False, dtype=kinds) as reader:
            for piece in reader:
                yield piece[list(columns)]
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise DatasetError(
            f"{file}: {error}", "another version of the file? data fetch names the one it was written for"
        ) from error


def table(file: Path, columns: Sequence[str], strings: Sequence[str] = ()) -> pd.DataFrame:
    """The same, whole."""
    return pd.concat(list(pieces(file, columns, strings)), ignore_index=True)


def hours(times: pd.Series, start: pd.Series) -> pd.Series:
    """Hours between two columns of dates."""
    return (pd.to_datetime(times) - pd.to_datetime(start)).dt.total_seconds() / 3600


def within_stay(rows: pd.DataFrame, last: float, dropped: Counter[str], what: str) -> pd.DataFrame:
    """Rows with a number, from 6 hours before the stay to `last` hours after its start."""
    numbers = rows["value"].notna()
    dropped[f"{what} without a number"] += int((~numbers).sum())
    rows = rows[numbers]
    inside = rows["time"].between(-6, last)
    dropped[f"{what} before or after the stay"] += int((~inside).sum())
    return rows[inside]


def joined(parts: Mapping[str, pd.Series]) -> pd.Series:
    """One text a record from several columns of terms: "Diagnoses: a; b. Treatments: c.". Terms once, in order of appearance."""
    texts: dict[object, list[str]] = {}
    for head, terms in parts.items():
        for record, mine in terms.dropna().groupby(level=0, sort=False):
            texts.setdefault(record, []).append(f"{head}: {'; '.join(dict.fromkeys(mine.astype(str)))}.")
    return pd.Series({record: " ".join(sentences) for record, sentences in texts.items()}, dtype=object)


def write(folder: Path, manifest: pd.DataFrame, series: pd.DataFrame | None = None) -> None:
    """manifest.csv and timeseries.parquet; empty cells are missing values."""
    manifest.to_csv(folder / "manifest.csv", index=False)
    if series is not None:
        order = series.sort_values(["stay_id", "time", "variable"], kind="stable").reset_index(drop=True)
        order.to_parquet(folder / "timeseries.parquet", index=False)
