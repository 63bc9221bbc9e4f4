"""A reader of one condition: ridge regression on frozen features, trained on real training patients, and how what it says is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.frozen_features import Network
from fpmg_plugins.metrics.learners import design

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Column

    Floats = NDArray[np.floating[Any]]

LEAST = 20  # records that know a condition, in training and wherever it is read
ROWS = 2_000  # records a reader is trained on at most
PENALTIES = np.logspace(1, 4, 10)  # of a standardised feature; generalised cross-validation picks one
PARTS, FEWEST = 6, 5  # of a number's range, and the records of a part that is shown


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition that is read: its position, and the range [low, high] it is asked within. A flag, and a label of two classes, is 0 or 1."""

    at: int
    name: str
    low: float
    high: float
    flag: bool

    def part(self, asked: Floats) -> NDArray[np.intp]:
        """Which part of the range each asked value [n] lies in: sixths of a number's, the two values of a flag."""
        parts = 2 if self.flag else PARTS
        share = (asked - self.low) / (self.high - self.low)
        found: NDArray[np.intp] = np.clip(np.floor(share * parts), 0, parts - 1).astype(np.intp)
        return found

    def named(self, part: int) -> str:
        """A part in words."""
        if self.flag:
            return f"{self.name} {'yes' if part else 'no'}"
        width = (self.high - self.low) / PARTS
        return f"{self.name} {self.low + part * width:g} to {self.low + (part + 1) * width:g}"


def readable(train: Cohort) -> list[Asked]:
    """The numbers and flags among a cohort's conditions; a label only where it has two classes and stands for nothing else."""
    found = []
    for at, column in enumerate(train.conditions):
        two = column.type == "flag" or (at == 0 and column.type == "category" and len(column.categories) == 2)
        if two and not column.stands_for:
            found.append(Asked(at, column.name, 0.0, 1.0, True))
        elif column.type == "number" and train.task != "event":  # a censored time is not what was asked for
            ends = _range(column, train.condition[:, at])
            found += [Asked(at, column.name, *ends, False)] if ends[1] > ends[0] else []
    return found


def _range(column: Column, values: Floats) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low = float(known.min(initial=np.inf)) if column.low is None else column.low
    high = float(known.max(initial=-np.inf)) if column.high is None else column.high
    return low, high


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a condition: by these modalities."""

    what: Asked
    names: tuple[str, ...]

    @property
    def scope(self) -> str:
        """Of its scores."""
        return f"condition:{self.what.name}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of one cohort: rows [n] that know the condition, what was asked for and what the reader says [n]."""

    rows: NDArray[np.intp]
    asked: Floats
    said: Floats


def known(evidence: Evidence, cohort: Cohort, names: Sequence[str], what: Asked) -> tuple[NDArray[np.intp], Floats]:
    """Positions of the records that have any of the modalities and know the condition, and its values. NotApplicable for too few."""
    value = cohort.condition[:, what.at]
    there = np.any([evidence.complete(cohort, name) for name in names], axis=0) & np.isfinite(value)
    rows = np.flatnonzero(there)
    if len(rows) < LEAST or np.ptp(value[rows]) == 0:
        raise NotApplicable(f"{len(rows)} records know it, or all have the same; {LEAST} and two values are needed")
    return rows, value[rows].astype(np.float64)


def features(evidence: Evidence, cohort: Cohort, names: Sequence[str], rows: NDArray[np.intp], sides: Sequence[int]) -> Floats:
    """[len(rows), d]: images as a frozen network sees them at each of these sizes, all else (and all, where it is not there) as phi.

    0 where a modality is absent; whether it is, is a feature.
    """
    return np.concatenate([_of(evidence, cohort, name, rows, sides) for name in names], 1).astype(np.float64)


def _of(evidence: Evidence, cohort: Cohort, name: str, rows: NDArray[np.intp], sides: Sequence[int]) -> Floats:
    there = evidence.complete(cohort, name)
    if cohort.schemas[name].kind != "image" or not sides:
        return design(evidence, cohort, (name,))[rows]
    have = np.flatnonzero(there[rows])
    try:
        seen = [Network(side=side).seen(evidence, cohort, name, rows[have]) for side in sides]
    except NotApplicable as missing:
        evidence.not_applicable("asked-read.reader", f"images are read as phi has them: {missing.reason}", modality=name)
        return design(evidence, cohort, (name,))[rows]
    x = np.zeros((len(rows), 1 + sum(part.shape[1] for part in seen)))
    x[have, 1:], x[:, 0] = np.concatenate(seen, 1), there[rows]
    return x


def fitted(x: Floats, value: Floats, penalty: float | None = None) -> Any:
    """Ridge regression of at most `ROWS` rows, evenly spaced. penalty: per row; None: by generalised cross-validation."""
    from sklearn.linear_model import Ridge, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.linspace(0, len(x) - 1, min(len(x), ROWS)).astype(int)
    ridge = RidgeCV(PENALTIES) if penalty is None else Ridge(penalty * len(rows))
    return make_pipeline(StandardScaler(), ridge).fit(x[rows], value[rows])


def penalty(model: Any, rows: int) -> float:
    """What cross-validation chose for a reader of so many rows, per row: a repeated patient would look like one left out."""
    return float(model[-1].alpha_) / min(rows, ROWS)


def judged(what: Asked, reading: Reading, weights: Floats) -> dict[str, Floats]:
    """Value and draws [1 + draws] under bootstrap weights [1 + draws, n].

    correlation of read with asked; slope of read on asked (least squares); error: mean absolute difference; each part of the range by
    its name: read minus asked; calibration: the mean of their absolute values. The last three in shares of the range.
    """
    asked, said, width = reading.asked, reading.said, what.high - what.low
    total = weights.sum(1)
    a, s = (values - values.mean() for values in (asked, said))
    mean_a, mean_s = weights @ a / total, weights @ s / total
    both = weights @ (a * s) / total - mean_a * mean_s
    var_a, var_s = weights @ a**2 / total - mean_a**2, weights @ s**2 / total - mean_s**2
    flat = np.sqrt(np.maximum(var_a * var_s, 0.0))
    parts = dict(_parts(what, reading, weights))
    return {
        "correlation": np.clip(np.divide(both, flat, out=np.zeros_like(both), where=flat > 1e-12), -1, 1),
        "slope": np.divide(both, var_a, out=np.zeros_like(both), where=var_a > 1e-12),
        "error": weights @ np.abs(said - asked) / total / width,
        "calibration": np.mean([np.abs(off) for off in parts.values()], axis=0),
        **parts,
    }


def _parts(what: Asked, reading: Reading, weights: Floats) -> Mapping[str, Floats]:
    """Read minus asked [1 + draws] in each part of the range that FEWEST records or more were asked for; in one at least."""
    part = what.part(reading.asked)
    counts = np.bincount(part, minlength=2 if what.flag else PARTS)
    shown = np.flatnonzero(counts >= min(FEWEST, counts.max()))
    off, found = (reading.said - reading.asked) / (what.high - what.low), {}
    for index in shown:
        w = weights * (part == index)
        total = w.sum(1)
        found[what.named(int(index))] = np.divide(w @ off, total, out=np.zeros(len(w)), where=total > 0)
    return found
