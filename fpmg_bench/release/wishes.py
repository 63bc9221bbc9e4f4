"""What is asked of a release: how many patients, which ones, and of which silo."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import SuiteError
from fpmg_bench.types import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort, Column

_TERM = re.compile(r"\s*(.+?)\s*(>=|<=|!=|=|>|<)\s*(.+?)\s*")
COMPARE: Mapping[str, Callable[[Any, float], Any]] = {
    "=": np.equal, "!=": np.not_equal, ">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison of `--where`. condition: its position among the conditions; None: a column of the table `modality`.

    value: the index of a category, 0 or 1 of a flag, or a number.
    """

    column: Column
    sign: str
    value: float
    condition: int | None = None
    modality: str = ""

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where it is true; an unknown value satisfies nothing."""
        found: NDArray[np.bool_] = COMPARE[self.sign](values, self.value) & ~np.isnan(values)
        return found


@dataclass(frozen=True, slots=True)
class Wishes:
    """terms: all of them hold. balanced: every class equally often; complete: records without anything missing."""

    terms: tuple[Term, ...] = ()
    balanced: bool = False
    complete: bool = False

    def labels(self, classes: int) -> NDArray[np.bool_]:
        """Classes [K] that may be asked for."""
        allowed = np.ones(classes, bool)
        for term in self.terms:
            if term.condition == 0:
                allowed &= term.holds(np.arange(classes, dtype=np.float64))
        return allowed

    def asked(self, requested: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Rows of conditions [n, c] that satisfy the terms on conditions."""
        good = np.ones(len(requested), bool)
        for term in self.terms:
            if term.condition is not None:
                good &= term.holds(requested[:, term.condition])
        return good

    def granted(self, made: Cohort) -> NDArray[np.bool_]:
        """Decoded records that satisfy all else."""
        good = np.ones(len(made), bool)
        for term in self.terms:
            if term.condition is None:
                good &= made.present[term.modality] & term.holds(_values(made.data[term.modality], term.column))
        if self.complete:
            for modality, mask in made.present.items():
                good &= mask & _filled(made.data[modality])
        return good


def terms(text: str, form: Cohort) -> tuple[Term, ...]:
    """`label=died,age>70`: conditions by name, else columns of tables. Raises SuiteError with what there is to choose from."""
    return tuple(_term(part, form) for part in text.split(",") if part.strip())


def _term(text: str, form: Cohort) -> Term:
    place = f"--where {text.strip()}"
    found = _TERM.fullmatch(text)
    if found is None:
        raise SuiteError(f"{place}: no comparison", "COLUMN=VALUE, or one of != > < >= <=, separated by commas")
    name, sign, value = found.groups()
    known = {column.name: (column, at, "") for at, column in reversed(list(enumerate(form.conditions)))}
    tables = {c.name: (c, None, m) for m, schema in form.schemas.items() if schema.kind == "table" for c in schema.columns}
    if name not in {**tables, **known}:
        raise SuiteError(f"{place}: no condition and no column of a table.{did_you_mean(name, [*known, *tables])}")
    column, at, modality = known[name] if name in known else tables[name]
    if column.type == "category" and sign not in ("=", "!="):
        raise SuiteError(f"{place}: '{name}' is a category", f"{name}={column.categories[0]}")
    return Term(column, sign, _value(column, value, place), at, modality)


def _value(column: Column, value: str, place: str) -> float:
    if column.type == "category":
        if value not in column.categories:
            raise SuiteError(
                f"{place}: unknown category.{did_you_mean(value, column.categories)}", f"one of {', '.join(column.categories)}"
            )
        return float(column.categories.index(value))
    try:
        return float({"true": "1", "yes": "1", "false": "0", "no": "0"}.get(value.lower(), value))
    except ValueError as error:
        raise SuiteError(f"{place}: not a number", f"{column.name}>1") from error


def _values(data: Table, column: Column) -> NDArray[np.float64]:
    cells = data.frame[column.name]
    if column.type == "category":
        cells = cells.map({name: float(at) for at, name in enumerate(column.categories)})
    return cells.to_numpy(dtype=np.float64)


def _filled(data: Any) -> NDArray[np.bool_] | np.bool_:
    """Whether every cell of a record's table is there; other kinds of data have no gaps that are not their own."""
    return data.frame.notna().all(axis=1).to_numpy() if isinstance(data, Table) else np.True_
