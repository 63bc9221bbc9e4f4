"""Table columns and conditions of a cohort side by side, as an attacker on a table sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort, Column

    Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Columns:
    """columns: k declarations; values [n, k] float64: number, flag or index of the category, NaN unknown; patient, label [n]."""

    columns: tuple[Column, ...]
    values: NDArray[np.float64]
    patient: NDArray[np.int64]
    label: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Any) -> Columns:
        """The records at these positions, or where the mask is True."""
        return Columns(self.columns, self.values[rows], self.patient[rows], self.label[rows])

    def sorted(self) -> Columns:
        """The records in the order of their values, so that which of several equal ones is met first tells nothing."""
        return self.take(np.lexsort(self.values.T)) if self.columns else self

    def first(self) -> Columns:
        """The first record of every patient."""
        return self.take(np.unique(self.patient, return_index=True)[1])


def columns_of(cohort: Cohort) -> Columns:
    """Records that have a table, with the conditions that are no column of it (a condition of the same name is the same thing).

    A label that is the stratum of a number says nothing beside it, and one of a single class nothing at all: they are left out.
    """
    columns: list[Column] = []
    values = []
    tables = [name for name, schema in cohort.schemas.items() if schema.kind == "table"]
    for name in tables:
        for column in cohort.schemas[name].columns:
            columns.append(column)
            values.append(np.where(cohort.present[name], _numbers(column, cohort.data[name].frame[column.name]), np.nan))
    names = {column.name.lower() for column in columns}
    said = cohort.task in ("number", "none")
    for j, column in enumerate(cohort.conditions):
        if column.name.lower() not in names and not (said and j == 0):
            columns.append(column)
            values.append(cohort.condition[:, j])
    rows = np.any([cohort.present[name] for name in tables], axis=0) if tables else np.zeros(len(cohort), bool)
    matrix = np.stack(values, 1) if values else np.zeros((len(cohort), 0))
    return Columns(tuple(columns), matrix, cohort.patient, cohort.label).take(rows)


def joined(parts: Sequence[Columns]) -> Columns:
    """Records of several cohorts, one after the other."""
    arrays = (np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "patient", "label"))
    return Columns(parts[0].columns, *arrays)


def ranks(values: Floats, like: Floats) -> Floats:
    """Mid-rank in (0, 1) of numbers [n] among the known ones of `like`; NaN stays."""
    known = np.sort(like[~np.isnan(like)])
    sides = [np.searchsorted(known, values, side=side) for side in ("left", "right")]
    return np.where(np.isnan(values), np.nan, (sides[0] + sides[1]) / 2 / max(1, len(known)))


def blocks(of: Columns, like: Columns) -> list[NDArray[np.float32]]:
    """Features [n, w] of each column: ranks (`like` tells them), one-hot categories 1 apart, flags; a last one flags the unknown."""
    found = []
    for j, column in enumerate(of.columns):
        x = of.values[:, j]
        unknown = np.isnan(x)
        if column.type == "category":
            known = (x[:, None] == np.arange(len(column.categories))) / np.sqrt(2)
        else:
            scaled = ranks(x, like.values[:, j]) if column.type == "number" else x
            known = np.where(unknown, 0.5, scaled)[:, None]
        found.append(np.concatenate([known, unknown[:, None]], 1).astype(np.float32))
    return found


def _numbers(column: Column, values: Any) -> NDArray[np.float64]:
    """float64; a category's index, NaN for what is not declared."""
    if column.type != "category":
        return np.asarray(values, np.float64)
    index = {name: float(i) for i, name in enumerate(column.categories)}
    return np.array([index.get(value, np.nan) for value in values], np.float64)
