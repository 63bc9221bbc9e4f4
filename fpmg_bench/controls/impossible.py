"""Patients that cannot be: values that never go together, and gaps that come by chance. Every column keeps its values and its gaps."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.controls.disturb import dealt
from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Series, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort, Column, Schema

    Coded = tuple[str | None, str, NDArray[np.int64]]  # modality (None: a condition), column, which of its values [n], -1 unknown

PARTS = 3  # of a number: the lowest third, the middle, the highest
COMMON = 5.0  # records that two values would share were they independent: below, never may be chance


def rare_pairs(train: Cohort, strength: float, rng: np.random.Generator) -> Cohort:
    """Of the records that have a value for it a share `strength` swaps one cell of a table with another record: the new cell and another

    of its own values, both common, stand together in no training record. Raises NotApplicable where no such pair exists.
    """
    coded = list(_coded(train))
    apart = list(_never(coded))
    if not apart:
        raise NotApplicable("no two common values are never together among the training patients")
    frames = {name: train.data[name].frame.copy() for name in {coded[j][0] for _, _, j, _ in apart} if name is not None}
    for row in np.flatnonzero(rng.random(len(train)) < strength).tolist():
        mine = [(j, b) for i, a, j, b in apart if coded[i][2][row] == a and coded[j][2][row] >= 0]
        if mine:
            j, b = mine[rng.integers(len(mine))]
            _swap(frames, coded[j], row, int(rng.choice(np.flatnonzero(coded[j][2] == b))))
    return replace(train, data={**train.data, **{name: Table(frame) for name, frame in frames.items()}})


def _swap(frames: Mapping[str, Any], coded: Coded, row: int, other: int) -> None:
    name, column, values = coded
    assert name is not None
    cells = frames[name][column].to_numpy(copy=True)
    cells[[row, other]], values[[row, other]] = cells[[other, row]], values[[other, row]]
    frames[name][column] = cells


def _coded(train: Cohort) -> list[Coded]:
    """Conditions first, then the columns of tables."""
    found: list[Coded] = []
    for at, column in enumerate(train.conditions):
        found.append((None, column.name, _codes(column, train.condition[:, at], indexed=True)))
    for name, schema in train.schemas.items():
        if schema.kind == "table":
            frame, there = train.data[name].frame, train.present[name]
            codes = ((c.name, _codes(c, frame[c.name].to_numpy())) for c in schema.columns)
            found += [(name, column, np.where(there, code, -1)) for column, code in codes]
    return found


def _codes(column: Column, values: NDArray[Any], *, indexed: bool = False) -> NDArray[np.int64]:
    if column.type == "category" and not indexed:
        index = {name: i for i, name in enumerate(column.categories)}
        return np.array([index.get(value, -1) if isinstance(value, str) else -1 for value in values], np.int64)
    number = values.astype(np.float64)
    known = np.isfinite(number)
    if column.type == "number" and known.any():
        number = np.searchsorted(np.quantile(number[known], np.arange(1, PARTS) / PARTS), number, side="right").astype(float)
    return np.where(known, number, -1).astype(np.int64)


def _never(coded: Sequence[Coded]) -> list[tuple[int, int, int, int]]:
    """(field, its value, a table's field, its value) of pairs that no record has and COMMON would have by chance, both ways round."""
    found = []
    for i, j in combinations(range(len(coded)), 2):
        one, other = coded[i][2], coded[j][2]
        both = (one >= 0) & (other >= 0)
        if not both.any():
            continue
        table = np.zeros((one.max() + 1, other.max() + 1))
        np.add.at(table, (one[both], other[both]), 1)
        expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / both.sum()
        for a, b in np.argwhere((table == 0) & (expected >= COMMON)).tolist():
            found += [(i, a, j, b)] if coded[j][0] is not None else []
            found += [(j, b, i, a)] if coded[i][0] is not None else []
    return found


def independent_gaps(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """Each column's or channel's gaps are dealt anew among a share `strength` of the records, values of others in what is no gap any more."""
    if isinstance(data, Table):
        frame = data.frame.copy()
        for column in schema.columns:
            frame[column.name] = _dealt_gaps(frame[column.name].to_numpy(), dealt(len(frame), strength, rng))
        return Table(frame)
    if isinstance(data, Series):
        values, seen = data.values.copy(), data.seen.copy()
        for c in range(values.shape[2]):
            order = dealt(len(values), strength, rng)
            seen[..., c] = data.seen[order, :, c]
            value = np.where(data.seen[..., c], data.values[..., c], data.values[order, :, c])
            values[..., c] = np.where(seen[..., c], value, 0)
        return Series(data.time, values, seen)
    return data


def _dealt_gaps(values: NDArray[Any], order: NDArray[np.intp]) -> NDArray[Any]:
    """Record i gets the gap of record order[i], or keeps its value, or gets that one's where it has none."""
    from pandas import isna

    known = ~isna(values)
    return np.where(known[order], np.where(known, values, values[order]), np.nan)


def independent_presence(cohort: Cohort, strength: float, rng: np.random.Generator) -> Cohort:
    """Who has which modality is dealt anew, modality by modality; who has it only now gets another's record of it."""
    data, present = {}, {}
    for name in cohort.schemas:
        order = dealt(len(cohort), strength, rng)
        own = cohort.present[name]
        present[name] = own[order]
        data[name] = cohort.data[name].take(np.where(own, np.arange(len(cohort)), order))
    return replace(cohort, data=data, present=present)
