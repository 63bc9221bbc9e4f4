"""Numbers of a column on a public scale: nothing here is learnt from rows.

A declared range maps linearly to [0, 1]. Without one, asinh (logarithmic both ways from zero) maps +-1e8 to [0, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Column

REACH = float(np.arcsinh(1e8))


def declared(column: Column) -> bool:
    """Are both ends of the range known?"""
    return column.low is not None and column.high is not None


def fraction(column: Column, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Position in [0, 1] of each value; NaN and infinities give NaN (missing)."""
    values = np.where(np.isfinite(values), values, np.nan)
    if column.low is not None and column.high is not None:
        width = column.high - column.low
        place = (values - column.low) / width if width > 0 else np.where(np.isnan(values), np.nan, 0.5)
    else:
        place = (np.arcsinh(values) / REACH + 1) / 2
    return np.clip(place, 0.0, 1.0)


def value(column: Column, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `fraction`, in range and on the column's rounding step; NaN stays NaN."""
    place = np.clip(place, 0.0, 1.0)
    if column.low is not None and column.high is not None:
        return _on_step(column, column.low + place * (column.high - column.low))
    return _on_step(column, np.sinh((2 * place - 1) * REACH))


def _on_step(column: Column, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if column.step:
        origin = column.low or 0.0
        # ten decimals: 3 * 0.1 is to read 0.3
        values = np.round(origin + np.round((values - origin) / column.step) * column.step, 10)
    return np.clip(values, column.low, column.high) if (column.low, column.high) != (None, None) else values
