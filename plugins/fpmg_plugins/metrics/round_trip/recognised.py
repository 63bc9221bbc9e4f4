"""Membership by reconstruction: do the patients whom an encoder was trained on come back nearer to themselves than others?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.types import Score
from fpmg_plugins.metrics.privacy.pg import attack
from fpmg_plugins.metrics.resampling import interval
from fpmg_plugins.metrics.round_trip import pixel_fidelity, series_fidelity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Column, Pixels, Schema, Series, Table, Text

    Floats = NDArray[np.floating[Any]]
    Trip = tuple[Cohort, Cohort]  # records, and what came back of them

RESAMPLES = 200
AT_ONCE = 256  # pictures compared at once


def score(evidence: Evidence, name: str, members: Trip, others: Trip, seed: int) -> Score:
    """`reconstruction.membership` of one modality. NotApplicable where a side has fewer than 20 patients."""
    kind = evidence.train.schemas[name].kind
    if kind == "series":
        units = evidence.once(("series units", name), lambda: series_fidelity.units(_known(evidence, name)))
        missed: Callable[..., Floats] = partial(_series, units)
    else:
        missed = MISSED[kind]
    inside, outside = (_closest(evidence.train.schemas[name], name, trip, missed) for trip in (members, others))
    found = attack(evidence, inside, outside, RESAMPLES, seed)
    low, high = interval(found.areas[1:])
    return Score("reconstruction.membership", found.area, low=low, high=high, n=found.n, floor=0.5)


def _known(evidence: Evidence, name: str) -> Any:
    return evidence.train.data[name].take(evidence.train.present[name])


def _closest(schema: Schema, name: str, trip: Trip, missed: Callable[..., Floats]) -> Floats:
    """Minus what was missed of each patient's best record [patients]."""
    real, made = trip
    rows = np.flatnonzero(real.present[name] & made.present[name])
    people, at = np.unique(real.patient[rows], return_inverse=True)
    best = np.full(len(people), -np.inf)
    if len(rows):
        np.maximum.at(best, at, -missed(schema, real.data[name].take(rows), made.data[name].take(rows)))
    return best


def _pixels(schema: Schema, real: Pixels, made: Pixels) -> Floats:
    """Mean squared error [n] at 64 px."""
    parts = [np.zeros(0)]
    for start in range(0, len(real), AT_ONCE):
        rows = np.arange(start, min(start + AT_ONCE, len(real)))
        a, b = (pixel_fidelity.frames(part.take(rows)).reshape(len(rows), -1) for part in (real, made))
        parts.append(((a.astype(np.float64) - b) ** 2).mean(1))
    return np.concatenate(parts)


def _series(units: series_fidelity.Units, schema: Schema, real: Series, made: Series) -> Floats:
    """Mean squared error [n] over seen values in standard deviations; gaps that are not there are bridged."""
    wrong = series_fidelity.filled(made, units) - series_fidelity.filled(real, units)
    square = np.where(real.seen, wrong**2, 0.0).sum((1, 2))
    found: Floats = square / np.maximum(real.seen.sum((1, 2)), 1)
    return found


def _table(schema: Schema, real: Table, made: Table) -> Floats:
    """Mean over columns [n]: 1 for another level or gap, for numbers the distance in interquartile ranges, at most 1."""
    missed = [_column(column, real.frame[column.name], made.frame[column.name]) for column in schema.columns]
    return np.asarray(np.mean(missed, axis=0))


def _column(column: Column, real: pd.Series, made: pd.Series) -> Floats:
    gaps: list[NDArray[np.bool_]] = [part.isna().to_numpy() for part in (real, made)]
    if column.type != "number":
        return np.where(gaps[0] & gaps[1], False, real.to_numpy() != made.to_numpy()).astype(np.float64)
    a, b = (part.to_numpy(dtype=np.float64) for part in (real, made))
    quarter = float(np.subtract(*np.nanpercentile(a, (75, 25)))) if not gaps[0].all() else 0.0
    near = np.minimum(np.abs(a - b) / (quarter if quarter > 0 else 1.0), 1.0)
    found: Floats = np.where(gaps[0] | gaps[1], gaps[0] != gaps[1], near)
    return found


def _text(schema: Schema, real: Text, made: Text) -> Floats:
    """1 - F1 of words [n], each as often as it is said."""
    return np.array([1 - _alike(a.lower().split(), b.lower().split()) for a, b in zip(real.strings, made.strings, strict=True)])


def _alike(a: Sequence[str], b: Sequence[str]) -> float:
    both = sum((Counter(a) & Counter(b)).values())
    return 2 * both / (len(a) + len(b)) if a or b else 1.0


MISSED: Mapping[str, Callable[..., Floats]] = {"image": _pixels, "video": _pixels, "table": _table, "text": _text}
