"""Times of a series that are written as dates, or as hours and minutes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.tables import strings
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder.manifest import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.datasets.folder.spec import ClockSpec

SECONDS = {"days": 86_400.0, "hours": 3_600.0, "minutes": 60.0}
ELAPSED = re.compile(r"(?:(\d+) days?,? )?(\d+):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?")


def moments(clock: ClockSpec, format: str, column: str, table: Manifest, declared_at: str) -> NDArray[np.float64]:
    """Seconds [n] since 1970 (UTC where no zone is written), or since the beginning where they are `elapsed`; NaN where empty."""
    cells = table.cells(column, declared_at)
    found = _elapsed(cells) if format == "elapsed" else _dates(cells, format)
    wrong = np.isnan(found) & cells.notna().to_numpy()
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        what = "hours and minutes (36:30)" if format == "elapsed" else f"a time of the form {format}"
        raise DatasetError(f"{table.place(at, column)}: not {what}", f"{declared_at}: mend the cell, or the clock's format")
    return found


def _dates(cells: pd.Series[Any], format: str) -> NDArray[np.float64]:
    typed = pd.api.types.is_datetime64_any_dtype(cells)
    read = pd.to_datetime(cells, utc=True) if typed else pd.to_datetime(strings(cells), format=format, utc=True, errors="coerce")
    whole = read.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(whole), np.nan, whole.astype(np.int64) / 1e6)


def _elapsed(cells: pd.Series[Any]) -> NDArray[np.float64]:
    code, words = pd.factorize(strings(cells))
    seconds = np.array([*map(_seconds, words), np.nan])  # code -1, an empty cell, is the last
    found: NDArray[np.float64] = seconds[code]
    return found


def _seconds(word: str) -> float:
    found = ELAPSED.fullmatch(word.strip())
    if not found:
        return np.nan
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60 + seconds


def origins(
    clock: ClockSpec,
    rows: Sequence[NDArray[np.int64]],
    times: Sequence[NDArray[np.float64]],
    manifest: Manifest,
    declared_at: str,
) -> NDArray[np.float64]:
    """Where each record's [n] time begins: the moment that the manifest states, or the first of its rows; NaN where there is none."""
    if clock.format == "elapsed":
        return np.zeros(len(manifest))
    if clock.since:
        return moments(clock, clock.since_format or clock.format, clock.since, manifest, declared_at)
    first = np.full(len(manifest), np.inf)
    for row, time in zip(rows, times, strict=True):
        np.minimum.at(first, row, time)
    return np.where(np.isinf(first), np.nan, first)


def told(clock: ClockSpec, seconds: NDArray[np.float64], begin: NDArray[np.float64]) -> NDArray[np.float64]:
    """In the clock's unit, from the beginning."""
    return (seconds - begin) / SECONDS[clock.unit]


def without_beginning(lost: NDArray[np.bool_], clock: ClockSpec, file: str, dropped: Counter[str]) -> None:
    """Count the rows whose record states no moment to begin at."""
    if lost.any():
        dropped[f"rows of {file} of records whose {clock.since} is empty (fill it in to keep them)"] += int(lost.sum())
