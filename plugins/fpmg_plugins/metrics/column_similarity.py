"""Similarity of columns and of pairs of columns as sdmetrics defines it, on arrays, without its p-values and frames.

A column: float64 [n], NaN unknown; of a category or flag the index of its value (see `both`). The numbers are sdmetrics' bit for bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Column

    Floats = NDArray[np.floating[Any]]

LEAST = 10  # records that know both columns of a pair
DECIMALS = 14  # to which sdmetrics rounds before it compares distributions
NEVER = 1e-6  # records that a value which never occurs among the real ones counts as
TENTHS = np.linspace(0, 1, 11)[1:-1]


def both(column: Column, real: Any, made: Any) -> tuple[Floats, Floats]:
    """A column of two tables [n], [m] as floats; of a category or flag the index of each value, in the order of their texts."""
    if column.type == "number":
        return np.asarray(real, np.float64), np.asarray(made, np.float64)
    from pandas import isna

    known = [~isna(side) for side in (real, made)]
    values = [side[at] for side, at in zip((real, made), known, strict=True)]
    texts = [side.astype(str) if column.type == "category" else side.astype(np.float64) for side in values]
    index = np.unique(np.concatenate(texts), return_inverse=True)[1]
    found = [np.full(len(at), np.nan) for at in known]
    for side, at, part in zip(found, known, np.split(index, [len(texts[0])]), strict=True):
        side[at] = part
    return found[0], found[1]


def varies(column: Floats) -> bool:
    """More than one known value?"""
    known = column[~np.isnan(column)]
    return len(known) > 0 and bool((known != known[0]).any())


def shape(column: Column, real: Floats, made: Floats) -> float:
    """1 - sup|F - G| of a number, 1 - total variation of a category or flag; the known values of each."""
    return kolmogorov(real, made) if column.type == "number" else variation(real, made)


def trend(columns: tuple[Column, Column], real: tuple[Floats, Floats], made: tuple[Floats, Floats]) -> float | None:
    """Similarity of one pair's trend; None where it cannot be compared (fewer than 10 known together, or constant there).

    Two numbers: their correlations; else the shares of all combinations, numbers by tenths of the real values.
    """
    parts = [_together(*side) for side in (real, made)]
    if any(len(part[0]) < LEAST or not all(map(varies, part)) for part in parts):
        return None
    one, two = parts
    if all(column.type == "number" for column in columns):
        value = correlation(one, two)
    else:
        cut = [tenths(a, b) if column.type == "number" else (a, b) for column, a, b in zip(columns, one, two, strict=True)]
        value = contingency((cut[0][0], cut[1][0]), (cut[0][1], cut[1][1]))
    return value if np.isfinite(value) else None


def _together(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    known = ~(np.isnan(a) | np.isnan(b))
    return a[known], b[known]


def kolmogorov(real: Floats, made: Floats) -> float:
    """1 - sup|F - G| of the known values (KSComplement)."""
    one, two = (np.sort(np.round(side[~np.isnan(side)], DECIMALS)) for side in (real, made))
    at = np.concatenate([one, two])
    gap = np.searchsorted(one, at, side="right") / len(one) - np.searchsorted(two, at, side="right") / len(two)
    steps = math.lcm(len(one), len(two))  # every possible difference is a multiple of one step
    return 1 - round(float(max(-gap.min(), gap.max())) * steps) / steps


def variation(real: Floats, made: Floats) -> float:
    """1 - total variation of the known values (TVComplement)."""
    one, two = (side[~np.isnan(side)] for side in (real, made))
    values, first = np.unique(np.concatenate([one, two]), return_index=True)
    order = np.argsort(first)  # sums are taken in the order in which values are met
    here, there = (_counts(side, values)[order] for side in (one, two))
    real_counts: list[float] = [n if n else NEVER for n in here.tolist()]
    made_total, real_total, total = sum(there.tolist()), sum(real_counts), 0.0
    for expected, observed in zip(real_counts, there.tolist(), strict=True):
        total += abs(observed / made_total - expected / real_total)
    return 1 - 0.5 * total


def correlation(real: tuple[Floats, Floats], made: tuple[Floats, Floats]) -> float:
    """1 - half the difference of Pearson's correlations of two numbers (CorrelationSimilarity); every value is known."""
    return float(1 - abs(_pearson(*real) - _pearson(*made)) / 2)


def contingency(real: tuple[Floats, Floats], made: tuple[Floats, Floats]) -> float:
    """1 - total variation of two columns of indices taken together (ContingencySimilarity); every value is known."""
    width = 1 + max(side[1].max() for side in (real, made))
    one, two = (side[0] * width + side[1] for side in (real, made))
    cells = np.unique(one)
    cells = np.concatenate([cells, np.setdiff1d(two, cells)])
    gap = np.abs(_counts(one, cells) / len(one) - _counts(two, cells) / len(two))
    return float(1 - (gap / 2).sum())


def tenths(real: Floats, made: Floats) -> tuple[Floats, Floats]:
    """Numbers as the tenth of the real ones in which they lie."""
    edges = np.unique(np.quantile(real, TENTHS))
    one, two = (np.searchsorted(edges, side).astype(np.float64) for side in (real, made))
    return one, two


def _pearson(x: Floats, y: Floats) -> np.floating[Any]:
    """As SciPy computes it, without the p-value."""
    units = []
    for column in (x, y):
        off = column - column.mean()
        largest = np.abs(off).max()
        units.append(off / (largest * np.sqrt(((off / largest) ** 2).sum())))
    r: np.floating[Any] = np.clip(units[0] @ units[1], -1.0, 1.0)
    return r


def _counts(column: Floats, values: Floats) -> NDArray[np.intp]:
    """How often each of these different values occurs."""
    order = np.argsort(values)
    return np.bincount(order[np.searchsorted(values, column, sorter=order)], minlength=len(values))
