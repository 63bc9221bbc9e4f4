"""Turns cells into numbers, flags and categories as declared; an error names the row, what is left out is counted."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.tables import strings
from fpmg_bench.document import EXACT, did_you_mean
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets.folder.cells import days, grouped, holds, plain, says_nothing, way_out
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ColumnSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["exact_names", "flags", "indices", "names", "numbers", "strings", "values", "within"]

FLAGS = {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
WHOLE = re.compile(r"[-+]?[0-9]+")
SHOWN = 24  # longer values are not shown: a mistaken column could be a clinical note


def indices(spec: ColumnSpec, manifest: Manifest, declared_at: str, dropped: Counter[str]) -> NDArray[np.float64]:
    """Category index of each row, NaN where missing; raises DatasetError at an unknown category."""
    cells = _read(spec, manifest, declared_at, dropped)
    cells = grouped(spec, cells, dropped)
    known = {name: float(at) for at, name in enumerate(spec.all_categories)}
    found = cells.map(known).to_numpy().astype(np.float64)
    unknown = np.isnan(found) & cells.notna().to_numpy()
    if spec.other is not None:
        _count(dropped, f"cells of {spec.name} that are no category of their own, read as '{spec.other}'", unknown)
        found[unknown] = known[spec.other]
    elif unknown.any():
        at = int(np.flatnonzero(unknown)[0])
        raise DatasetError(
            f"{manifest.place(at, spec.source)}: {_unknown(cells.iloc[at], spec.all_categories)}",
            f"{declared_at}: add it to categories, `map` it, or name the category of all `other` values",
        )
    return found


def flags(spec: ColumnSpec, manifest: Manifest, declared_at: str, dropped: Counter[str]) -> NDArray[np.float64]:
    """0, 1 or NaN; reads 0/1, true/false and yes/no in any case, or whether a cell holds a code."""
    cells = _read(spec, manifest, declared_at, dropped)
    if spec.holds:
        return holds(spec, cells)
    found = cells.map(lambda cell: FLAGS.get(str(cell).lower(), np.nan)).to_numpy(dtype=np.float64)
    wrong = np.isnan(found) & cells.notna().to_numpy()
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise DatasetError(
            f"{manifest.place(at, spec.source)}: not a flag", f"{declared_at}: use 0/1, or `map` the values to them"
        )
    return found


def numbers(spec: ColumnSpec, manifest: Manifest, declared_at: str, dropped: Counter[str]) -> NDArray[np.float64]:
    """float64 [n], NaN where missing. Infinite values and, unless `outside` says otherwise, values out of range are errors."""
    if spec.date:
        return within(spec, days(spec, manifest, declared_at, dropped), manifest, declared_at, dropped)
    cells = _read(spec, manifest, declared_at, dropped) if spec.map or spec.missing else manifest.cells(spec.source, declared_at)
    cells = plain(spec, manifest.written(spec.source), cells, dropped)
    found = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    _exact(cells, found, spec, manifest, declared_at)
    wrong = np.isnan(found) & cells.notna().to_numpy()
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise DatasetError(f"{manifest.place(at, spec.source)}: not a number", f"{declared_at}: {way_out(spec, manifest, at)}")
    return within(spec, found, manifest, declared_at, dropped)


def _exact(cells: pd.Series[Any], found: NDArray[np.float64], spec: ColumnSpec, manifest: Manifest, declared_at: str) -> None:
    """Raises DatasetError at a whole number that float64 has rounded."""
    for at in np.flatnonzero(np.isfinite(found) & (np.abs(found) >= EXACT)):
        cell = cells.iloc[at]
        if not isinstance(cell, float) and WHOLE.fullmatch(str(cell)) and int(cell) != int(found[at]):
            raise DatasetError(
                f"{manifest.place(int(at), spec.source)}: a whole number beyond 2^53, which numbers cannot hold exactly",
                f"{declared_at}: an id is no number: leave it out, or declare categories",
            )


def exact_names(column: str, manifest: Manifest) -> None:
    """Raises DatasetError where names of records or patients were stored as floats too large to tell them apart."""
    cells = manifest.cells(column, "")
    if pd.api.types.is_float_dtype(cells) and bool((cells.abs() > EXACT).any()):
        at = int(np.flatnonzero(cells.abs() > EXACT)[0])
        raise DatasetError(
            f"{manifest.place(at, column)}: a name that was stored as a float beyond 2^53, and rounded",
            "store names as whole numbers or as text",
        )


def within(
    spec: ColumnSpec, values: NDArray[np.float64], manifest: Manifest, declared_at: str, dropped: Counter[str]
) -> NDArray[np.float64]:
    """The values with `outside` applied; cells that were changed are counted in `dropped`."""
    low = -np.inf if spec.low is None else spec.low
    high = np.inf if spec.high is None else spec.high
    with np.errstate(invalid="ignore"):
        beyond = np.isinf(values) | ((spec.outside != "keep") & ((values < low) | (values > high)))
    if not beyond.any():
        return values
    if spec.outside in ("error", "keep"):
        at = int(np.flatnonzero(beyond)[0])
        what = "infinite" if np.isinf(values[at]) else f"outside {low:g} to {high:g}"
        raise DatasetError(
            f"{manifest.place(at, spec.source)}: {what}", f"{declared_at}: widen low and high, or say `outside: missing`"
        )
    dropped[
        f"cells of {spec.name} outside {low:g} to {high:g}, {'read as missing' if spec.outside == 'missing' else 'clipped'}"
    ] += int(beyond.sum())
    if spec.outside == "clip":
        return np.clip(values, low, high)
    return np.where(beyond, np.nan, values)


def values(spec: ColumnSpec, manifest: Manifest, declared_at: str, dropped: Counter[str]) -> NDArray[np.float64]:
    """A condition's column: category index, flag or number."""
    read = {"category": indices, "flag": flags, "number": numbers}[spec.type]
    return read(spec, manifest, declared_at, dropped)


def names(spec: ColumnSpec, found: NDArray[np.float64]) -> NDArray[np.object_]:
    """Category names of indices, NaN where missing: a table's column."""
    known = spec.all_categories
    words = np.asarray([*known, np.nan], dtype=object)
    return words[np.where(np.isnan(found), len(known), np.nan_to_num(found)).astype(np.intp)]


def _read(spec: ColumnSpec, manifest: Manifest, declared_at: str, dropped: Counter[str]) -> pd.Series[Any]:
    """The column's words, None where they say nothing: what was filled in and became missing is counted."""
    words = strings(manifest.cells(spec.source, declared_at))
    if spec.missing:
        gone = says_nothing(spec, words)
        _count(dropped, f"cells of {spec.name} that say missing by code", gone.to_numpy())
        words = words.where(~gone, None)
    if not spec.map:
        return words
    table = {key: None if value is None else str(value) for key, value in spec.map.items()}
    mapped = words.map(lambda cell: table.get(cell, cell)).astype(object)
    _count(dropped, f"cells of {spec.name} mapped to missing", (words.notna() & mapped.isna()).to_numpy())
    return mapped.where(mapped.notna(), None)


def _count(dropped: Counter[str], reason: str, where: NDArray[np.bool_]) -> None:
    if where.any():
        dropped[reason] += int(where.sum())


def _unknown(value: str, categories: tuple[str, ...]) -> str:
    if len(value) > SHOWN:
        return f"an unknown category ({len(value)} characters)"
    return f"unknown category '{value}'.{did_you_mean(value, categories)}"
