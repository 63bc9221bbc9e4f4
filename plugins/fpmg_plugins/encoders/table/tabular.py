"""Tables as arrays: numbers on their public scale, and codes of categories and flags with one more level for "missing"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fpmg_bench.types import Table
from fpmg_plugins.encoders import numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Column, Schema


@dataclass(frozen=True)
class Layout:
    """Which columns are numbers and which are levels (categories and flags)."""

    numbers: tuple[Column, ...]
    levels: tuple[Column, ...]

    @classmethod
    def of(cls, schema: Schema) -> Layout:
        """The schema's columns, in their order."""
        return cls(
            tuple(column for column in schema.columns if column.type == "number"),
            tuple(column for column in schema.columns if column.type != "number"),
        )

    @property
    def sizes(self) -> list[int]:
        """Levels of each coded column, the last one meaning "missing"."""
        return [len(_names(column)) + 1 for column in self.levels]

    def places(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Numbers [n, k] on the scale of `numbers.fraction`, NaN missing."""
        parts = [numbers.fraction(column, frame[column.name].to_numpy(dtype=np.float64)) for column in self.numbers]
        return np.stack(parts, axis=1) if parts else np.zeros((len(frame), 0))

    def codes(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """Level indices [n, m]; what is missing or not declared gets the last level."""
        parts = [_code(column, frame[column.name]) for column in self.levels]
        return np.stack(parts, axis=1) if parts else np.zeros((len(frame), 0), dtype=np.int64)

    def table(self, schema: Schema, values: NDArray[np.float64], codes: NDArray[np.int64]) -> Table:
        """The table with these numbers [n, k] (own units, NaN missing) and codes [n, m]."""
        columns: dict[str, object] = {c.name: values[:, j] for j, c in enumerate(self.numbers)}
        for j, column in enumerate(self.levels):
            kind = object if column.type == "category" else np.float64
            known = [*(_names(column) if column.type == "category" else (0.0, 1.0)), np.nan]
            columns[column.name] = np.array(known, dtype=kind)[codes[:, j]]
        return Table(pd.DataFrame({column.name: columns[column.name] for column in schema.columns}))


def _names(column: Column) -> tuple[str, ...]:
    return column.categories if column.type == "category" else ("0", "1")


def _code(column: Column, values: pd.Series) -> NDArray[np.int64]:
    missing = len(_names(column))
    if column.type == "flag":
        flags = values.to_numpy(dtype=np.float64)
        return np.where(np.isfinite(flags), flags > 0.5, missing).astype(np.int64)
    where = {name: code for code, name in enumerate(column.categories)}
    return np.array([where.get(name, missing) for name in values], dtype=np.int64)
