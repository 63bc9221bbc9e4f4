"""Columns of tables: sdmetrics' shapes, and cells that the declared schema does not allow."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import NotApplicable

if TYPE_CHECKING:
    import pandas as pd

    from fpmg_bench.types import Column


def shapes(columns: Sequence[Column], real: pd.DataFrame, made: pd.DataFrame) -> float:
    """Mean of `shape` over the columns that vary among the real records. Raises NotApplicable where none does."""
    usable = [c for c in columns if varies(real[c.name]) and made[c.name].count()]
    if not usable:
        raise NotApplicable("no column of the table varies among the held-out patients")
    return float(np.mean([shape(column, real, made) for column in usable]))


def shape(column: Column, real: pd.DataFrame, made: pd.DataFrame) -> float:
    """1 - sup|F - G| of a number, 1 - total variation of a category or flag (sdmetrics); missing cells are left out."""
    from sdmetrics.single_column import KSComplement, TVComplement

    metric = KSComplement if column.type == "number" else TVComplement
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy says how it computed a p-value that is not used
        return float(metric.compute(real[column.name].dropna(), made[column.name].dropna()))


def varies(values: pd.Series[float]) -> bool:
    """More than one value?"""
    return values.nunique(dropna=True) > 1


def invalid(columns: Sequence[Column], made: pd.DataFrame) -> float:
    """Cells that are neither missing nor a declared category, a flag of 0 or 1, or a number within its range."""
    return float(sum(_wrong(column, made[column.name].dropna()) for column in columns))


def _wrong(column: Column, values: pd.Series[float]) -> int:
    if column.type == "category":
        return int((~values.isin(column.categories)).sum())
    if column.type == "flag":
        return int((~values.isin((0.0, 1.0))).sum())
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    return int((~values.between(low, high)).sum())
