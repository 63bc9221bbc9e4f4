"""Predicates from a release that are true of exactly one patient (Giomi et al. 2023; Cohen and Nissim 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score
from fpmg_plugins.metrics.privacy.inference.guesses import risk
from fpmg_plugins.metrics.privacy.targets import LEAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Column
    from fpmg_plugins.metrics.privacy.inference.columns import Columns

FEWEST, MOST = 5, 12  # columns in one predicate
TRIES = 6


def scores(train: Columns, unseen: Columns, release: Columns, size: int, seed: int) -> Iterator[Score]:
    """Predicates of several columns and of one, on as many training patients as unseen ones: how likely one is alone depends on n."""
    train, unseen = train.first(), unseen.first()
    n = min(len(train), len(unseen))
    if n < LEAST or len(release) < LEAST or not release.columns:
        raise NotApplicable(
            f"{n} training or unseen patients and {len(release)} released records have a table; {LEAST} are needed"
        )
    rng = np.random.default_rng(seed)
    sides = [np.ascontiguousarray(part.take(rng.permutation(len(part))[:n]).values.T) for part in (train, unseen)]
    several, one = of_records(release, size, rng), of_columns(release, size, rng)
    for key, predicates in {"inference.singling_out": several, "inference.singling_out.column": one}.items():
        hits = [isolated(predicates, side) for side in sides]
        if hits[1] < len(predicates):
            yield risk(key, (hits[0], len(predicates)), (hits[1], len(predicates)))
    for key, predicates in {"rate": several, "naive": at_random(train, size, rng)}.items():
        if predicates:
            yield Score(f"inference.singling_out.{key}", isolated(predicates, sides[0]) / len(predicates), n=n)


@dataclass(frozen=True, slots=True)
class Predicate:
    """A conjunction. terms: (column, "=" | "<=" | ">=", value); "=" NaN: unknown."""

    terms: tuple[tuple[int, str, float], ...]

    def __call__(self, columns: NDArray[np.float64]) -> NDArray[np.intp]:
        """The records it is true of; columns [k, n]. Each term is asked of those alone for whom the ones before are true."""
        rows = np.arange(columns.shape[1])
        for j, sign, value in self.terms:
            x = columns[j][rows]
            rows = rows[
                np.isnan(x) if value != value else x == value if sign == "=" else x <= value if sign == "<=" else x >= value
            ]
            if not len(rows):
                break
        return rows


def isolated(predicates: list[Predicate], columns: NDArray[np.float64]) -> int:
    """How many of them are true of exactly one record; columns [k, n]."""
    return sum(len(predicate(columns)) == 1 for predicate in predicates)


def of_columns(release: Columns, size: int, rng: np.random.Generator) -> list[Predicate]:
    """At most `size` predicates on one column: values that occur once in the release, and its extremes."""
    found = [Predicate((term,)) for term in _rarities(release)]
    return [found[i] for i in rng.permutation(len(found))[:size]]


def _rarities(release: Columns) -> Iterator[tuple[int, str, float]]:
    for j, column in enumerate(release.columns):
        x = release.values[:, j]
        values, counts = np.unique(x[~np.isnan(x)], return_counts=True)
        yield from ((j, "=", float(value)) for value in values[counts == 1])
        if column.type == "number" and len(values):
            yield from ((j, "<=", float(values[0])), (j, ">=", float(values[-1])))


def of_records(release: Columns, size: int, rng: np.random.Generator) -> list[Predicate]:
    """At most `size` predicates on several columns of a released record: equal categories, numbers at least as far out.

    Only those that are true of exactly one released record are kept, of `TRIES` times as many.
    """
    columns = np.ascontiguousarray(release.values.T)
    middle = [_median(column) for column in columns]
    found: list[Predicate] = []
    for _ in range(TRIES * size):
        predicate = _about(release, int(rng.integers(len(release))), middle, rng)
        found += [predicate] * isolated([predicate], columns)
        if len(found) == size:
            break
    return found


def _about(release: Columns, row: int, middle: list[float], rng: np.random.Generator) -> Predicate:
    terms = []
    for j in _some(len(release.columns), rng):
        value = float(release.values[row, j])
        beyond = ">=" if value >= middle[j] else "<="
        terms.append((int(j), beyond if release.columns[j].type == "number" else "=", value))
    return Predicate(tuple(terms))


def at_random(real: Columns, size: int, rng: np.random.Generator) -> list[Predicate]:
    """`size` predicates of an attacker who knows the columns' ranges alone (those of `real`), not the release."""
    ranges = [_range(column) for column in real.values.T]
    return [
        Predicate(tuple(_guess(real.columns[j], int(j), ranges[j], rng) for j in _some(len(real.columns), rng)))
        for _ in range(size)
    ]


def _range(x: NDArray[np.float64]) -> tuple[float, float] | None:
    known = x[~np.isnan(x)]
    return (float(known.min()), float(known.max())) if len(known) else None


def _guess(column: Column, j: int, ends: tuple[float, float] | None, rng: np.random.Generator) -> tuple[int, str, float]:
    if column.type == "category":
        return j, "=", float(rng.integers(max(1, len(column.categories))))
    if column.type == "flag" or ends is None:
        return j, "=", float(rng.integers(2))
    return j, ("<=", ">=")[rng.integers(2)], float(rng.uniform(*ends))


def _some(columns: int, rng: np.random.Generator) -> Any:
    most = min(MOST, columns)
    return np.sort(rng.permutation(columns)[: rng.integers(min(FEWEST, most), most + 1)])


def _median(x: NDArray[np.float64]) -> float:
    return float(np.median(x[~np.isnan(x)])) if (~np.isnan(x)).any() else np.nan
