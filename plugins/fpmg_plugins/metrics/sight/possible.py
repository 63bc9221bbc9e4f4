"""Can this patient be? Pairs of values that real patients never have together, and values outside their range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.real_side import drawn, real_side
from fpmg_plugins.metrics.resampling import fresh_seed, interval, mean_draws
from fpmg_plugins.metrics.sight import values
from fpmg_plugins.metrics.table_fidelity import wrong

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Column, Rng

SUPPORT = "support of pairs: expected under independence, never seen"
DECLARED = "the declared schema, else the range among the training patients"
LEAST = 10  # records


class Possible:
    """Records that cannot be, over all tables and conditions (the label among them), and over each table with the conditions.

    An impossible pair: two values of two fields that none of the training patients T has together, though both are common: at least
    `expected` records would have them were the fields independent, and at least ln(pairs tested), so that of independent fields
    less than one pair is absent by chance. Values: categories, flags, numbers in `bins` bins of equally many of T. Unknown is no value.
    `possible`: share of released records with an impossible pair; `possible.pairs`: mean number of them a record. Floor: the held-out
    patients H (their rare combinations), which is the ideal too; below it: copies, or nothing rare. 0 at best, lower is better.
    `possible.range`: share of records with a value outside its declared categories or range, of tables, series and conditions (where
    none is declared: outside that of T). Floor: H. Interval: bootstrap over patients.
    Needs 10 records each. Pitfalls: a correlation strong enough makes far corners empty, and some of H lie in them: read the floor; a small T
    knows little of what is impossible; triples are not looked at.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "possible": Scale(0.0, False, low=0.0, high=1.0, unit="share", source=SUPPORT),
        "possible.pairs": Scale(0.0, False, low=0.0, unit="pairs", source=SUPPORT),
        "possible.range": Scale(0.0, False, low=0.0, high=1.0, unit="share", source=DECLARED),
    }

    def __init__(
        self,
        expected: Annotated[float, Gt(0)] = 5.0,
        bins: Annotated[int, Ge(2)] = 5,
        resamples: Annotated[int, Ge(20)] = 200,
    ) -> None:
        self.expected = expected
        self.bins = bins
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Jointly, then each table by itself where there are several modalities."""
        seed = fresh_seed(rng)
        tables = [name for name, schema in evidence.train.schemas.items() if schema.kind == "table"]
        scores: list[Score] = []
        for name in (None, *tables):
            for key, statistic in (("possible", self._pairs), ("possible.range", self._range)):
                try:
                    scores += self._with_floor(evidence, key, partial(statistic, evidence, seed, name), name, seed)
                except NotApplicable as missing:
                    evidence.not_applicable(key, missing.reason, modality=name)
        if not scores:
            raise NotApplicable("nothing is known to be impossible in this cohort, and no value has a range")
        return scores

    def _with_floor(self, evidence: Evidence, key: str, statistic: Any, name: str | None, seed: int) -> list[Score]:
        real = real_side(self, evidence, lambda: statistic(evidence.held_out), key, name, seed)
        floor = {score.key: score.value for score in real}
        return [replace(score, floor=floor[score.key]) for score in evidence.each_release(statistic, modality=name)]

    def _pairs(self, evidence: Evidence, seed: int, name: str | None, cohort: Cohort) -> list[Score]:
        none = real_side(self, evidence, lambda: self._impossible(evidence.train, name), "pairs", name)
        if not none.pairs.any():
            raise NotApplicable(
                "no two common values are never together among the training patients: nothing is known to be impossible"
            )
        hits = none.hits(_with(cohort, name))
        found = {"possible": hits > 0, "possible.pairs": hits}
        return [self._mean(evidence, key, cohort, name, each, seed) for key, each in found.items()]

    def _impossible(self, train: Cohort, name: str | None) -> values.Impossible:
        own = _with(train, name)
        return values.impossible(own, values.fields(own, self.bins, name), self.expected)

    def _range(self, evidence: Evidence, seed: int, name: str | None, cohort: Cohort) -> list[Score]:
        ranges = real_side(self, evidence, lambda: _ranges(evidence.train, name), "ranges", name)
        out = _outside(ranges, _with(cohort, name))
        return [self._mean(evidence, "possible.range", cohort, name, out, seed)]

    def _mean(self, evidence: Evidence, key: str, cohort: Cohort, name: str | None, each: NDArray[Any], seed: int) -> Score:
        """Mean over records with its interval."""
        patient = _with(cohort, name).patient
        whose = patient if cohort is evidence.held_out else np.arange(len(patient))
        low, high = interval(mean_draws(each, drawn(evidence, (whose,), self.resamples, seed)[0]))
        return Score(key, float(each.mean()), low=low, high=high, n=len(each))


def _with(cohort: Cohort, name: str | None) -> Cohort:
    """The records that have the table. Raises NotApplicable below 10."""
    if name is not None and not cohort.present[name].all():
        cohort = cohort.take(np.flatnonzero(cohort.present[name]))
    if len(cohort) < LEAST:
        raise NotApplicable(f"{len(cohort)} records{f' have the table {name!r}' if name else ''}; {LEAST} are needed")
    return cohort


def _ranges(train: Cohort, name: str | None) -> list[tuple[str | None, int, Column]]:
    """Every column that values can be outside of, numbers with both ends."""
    found: list[tuple[str | None, int, Column]] = []
    for field in values.fields(_with(train, name), 2, name):
        found.append((field.modality, field.at, _ended(field.column, values.raw_values(field, train))))
    for other, schema in train.schemas.items():
        if schema.kind == "series" and name is None:
            known = _seen(train, other)
            found += [(other, at, _ended(column, known[..., at])) for at, column in enumerate(schema.columns)]
    return found


def _ended(column: Column, known: NDArray[Any]) -> Column:
    finite = known[np.isfinite(known)]
    if column.type != "number" or not len(finite):
        return column
    low = float(finite.min()) if column.low is None else column.low
    high = float(finite.max()) if column.high is None else column.high
    return replace(column, low=low, high=high)


def _outside(ranges: Sequence[tuple[str | None, int, Column]], cohort: Cohort) -> NDArray[np.bool_]:
    """Which records [n] have a value outside."""
    out = np.zeros(len(cohort), bool)
    for name, at, column in ranges:
        out |= _column_outside(name, at, column, cohort)
    return out


def _column_outside(name: str | None, at: int, column: Column, cohort: Cohort) -> NDArray[np.bool_]:
    if name is not None and cohort.schemas[name].kind == "series":
        return np.asarray(wrong(column, _seen(cohort, name)[..., at]).any(1))
    if name is not None and column.type == "category":
        return wrong(column, cohort.data[name].frame[column.name].to_numpy()) & cohort.present[name]
    raw = values.raw_values(values.Field(name, at, column, ()), cohort)
    if column.type == "category":  # a condition: the index of a class
        return np.asarray(np.isfinite(raw) & ~np.isin(raw, np.arange(column.width)))
    return wrong(column, raw)


def _seen(cohort: Cohort, name: str) -> NDArray[np.float64]:
    """Values [n, t, c] with NaN where nothing was seen."""
    series = cohort.data[name]
    there = series.seen & cohort.present[name][:, None, None]
    return np.where(there, series.values.astype(np.float64), np.nan)
