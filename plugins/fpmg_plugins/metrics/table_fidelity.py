"""Columns of tables: sdmetrics' shapes, and cells that the declared schema does not allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.column_similarity import both, shape, varies

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fpmg_bench.types import Column


def shapes(columns: Sequence[Column], real: pd.DataFrame, made: pd.DataFrame) -> float:
    """Mean of `shape` over the columns that vary among the real records. Raises NotApplicable where none does."""
    sides = [(column, *both(column, real[column.name].to_numpy(), made[column.name].to_numpy())) for column in columns]
    usable = [side for side in sides if varies(side[1]) and not np.isnan(side[2]).all()]
    if not usable:
        raise NotApplicable("no column of the table varies among the held-out patients")
    return float(np.mean([shape(*side) for side in usable]))


def invalid(columns: Sequence[Column], made: pd.DataFrame) -> float:
    """Cells that are neither missing nor a declared category, a flag of 0 or 1, or a number within its range."""
    return float(sum(int(wrong(column, made[column.name].to_numpy()).sum()) for column in columns))


def wrong(column: Column, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values [n] are known, but no declared category, flag of 0 or 1, or number within the declared range."""
    import pandas as pd

    known = pd.notna(values)
    if column.type == "category":
        return np.asarray(known & ~pd.Series(values).isin(column.categories).to_numpy())
    if column.type == "flag":
        return np.asarray(known & (values != 0.0) & (values != 1.0))
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    return np.asarray(known & ~((values >= low) & (values <= high)))
