"""Tables and conditions as fields with a handful of values each, and which pairs of values real patients never have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort, Column

    Floats = NDArray[np.floating[Any]]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table, or a condition (modality None, at: which). edges: of a number's bins; width: how many values there are."""

    modality: str | None
    at: int
    column: Column
    edges: tuple[float, ...]

    @property
    def width(self) -> int:
        if self.column.type == "number":
            return len(self.edges) + 1
        return len(self.column.categories) if self.column.type == "category" else 2

    def values(self, cohort: Cohort) -> NDArray[np.int64]:
        """Which of its values each record has [n]; -1: unknown, or not of this field."""
        raw = raw_values(self, cohort)
        if self.column.type == "number":
            found = np.where(np.isnan(raw), -1, np.searchsorted(self.edges, raw, side="right"))
        else:
            found = np.where((raw >= 0) & (raw < self.width), np.nan_to_num(raw, nan=-1.0), -1)
        values: NDArray[np.int64] = found.astype(np.int64)
        return values


@dataclass(frozen=True, slots=True)
class Impossible:
    """pairs [k, k] bool over all values of all fields, symmetric; bound: records that were expected of each, at least."""

    fields: tuple[Field, ...]
    pairs: Bools
    bound: float

    def hits(self, cohort: Cohort) -> NDArray[np.int64]:
        """How many impossible pairs each record has [n]."""
        there = one_hot(self.fields, cohort)
        pairs: NDArray[np.int64] = np.rint(((there @ self.pairs.astype(np.float32)) * there).sum(1) / 2).astype(np.int64)
        return pairs


def fields(cohort: Cohort, bins: int, modality: str | None = None) -> tuple[Field, ...]:
    """The conditions and the columns of all tables, or of one; numbers in `bins` bins of as many of these records."""
    return tuple(_binned(cohort, *found, bins) for found in _columns(cohort, modality))


def _columns(cohort: Cohort, modality: str | None) -> Iterator[tuple[str | None, int, Column]]:
    yield from ((None, at, column) for at, column in enumerate(cohort.conditions))
    for name, schema in cohort.schemas.items():
        if schema.kind == "table" and modality in (None, name):
            yield from ((name, at, column) for at, column in enumerate(schema.columns))


def _binned(cohort: Cohort, name: str | None, at: int, column: Column, bins: int) -> Field:
    field = Field(name, at, column, ())
    if column.type != "number":
        return field
    raw = raw_values(field, cohort)
    known = raw[np.isfinite(raw)]
    cuts = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else ()
    return Field(name, at, column, tuple(float(cut) for cut in cuts))


def raw_values(field: Field, cohort: Cohort) -> Floats:
    """Numbers as they are, categories by their index, flags 0 and 1 [n]; NaN unknown, -1 a category that is not declared."""
    if field.modality is None:
        return cohort.condition[:, field.at]
    values = cohort.data[field.modality].frame[field.column.name].to_numpy()
    if field.column.type == "category":
        index = {name: float(i) for i, name in enumerate(field.column.categories)}
        values = np.array([index.get(value, -1.0) if isinstance(value, str) else np.nan for value in values])
    raw: Floats = np.where(cohort.present[field.modality], values.astype(np.float64), np.nan)
    return raw


def one_hot(known: Sequence[Field], cohort: Cohort) -> NDArray[np.float32]:
    """[n, all values of all fields]; a field that is unknown has none."""
    parts = [(field.values(cohort)[:, None] == np.arange(field.width)).astype(np.float32) for field in known]
    return np.concatenate(parts, 1) if parts else np.zeros((len(cohort), 0), np.float32)


def impossible(cohort: Cohort, of: tuple[Field, ...], least: float) -> Impossible:
    """Pairs of values of two fields that no record has, though at least `bound` were expected were the fields independent.

    bound: `least`, or the logarithm of the number of pairs that had so many to expect, whichever is more: of independent fields
    less than one pair in all would be absent by chance.
    """
    there = one_hot(of, cohort)
    owner = np.repeat(np.arange(len(of)), [field.width for field in of])
    known = np.stack([there[:, owner == i].sum(1) for i in range(len(of))], 1)
    both = there.T @ there
    beside = there.T @ known  # [values, fields]: records with the value that know the other field too
    pairs = (known.T @ known)[owner][:, owner]
    expected = beside[:, owner] * beside[:, owner].T / np.maximum(pairs, 1)
    apart = owner[:, None] != owner[None, :]
    tested = apart & (expected >= least)
    bound = max(least, float(np.log(max(1, int(tested.sum()) // 2))))
    return Impossible(of, apart & (expected >= bound) & (both == 0), bound)
