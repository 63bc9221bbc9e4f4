"""What a score says of real patients, or of the simulator itself: the interval that a control has to leave to be detected."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fpmg_bench.calibration.observations import ENCODED, Observation

LEAST = 3  # seeds below which a spread says nothing


@dataclass(frozen=True, slots=True)
class Null:
    """values: one a seed, of the oracle where there is one, bare before encoded, else the floor (the same statistic real against real).

    low, high: 95 % prediction interval of the next such value by Student's t: mean -+ t(k - 1) s sqrt(1 + 1/k).
    """

    values: tuple[float, ...]
    source: str
    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def null_of(observations: Sequence[Observation]) -> Null | None:
    """The null of one score on one cohort, from all its observations; None with fewer than 3 seeds of either source."""
    for name in ("oracle", f"{ENCODED}oracle"):  # some scores exist behind encoders only
        oracle = _by_seed((o.seed, o.value) for o in observations if o.control == name)
        if len(oracle) >= LEAST:
            return _null(oracle, name)
    return floor_of(observations)


def floor_of(observations: Sequence[Observation]) -> Null | None:
    """The same from the floors alone: the score with real patients in the place of the release."""
    floors = _by_seed((o.seed, o.floor) for o in observations)
    return _null(floors, "real against real") if len(floors) >= LEAST else None


def _by_seed(pairs: Iterable[tuple[int, float]]) -> list[float]:
    """The first finite value of every seed, by seed: a floor depends on the split alone, whichever control it stands beside."""
    found: dict[int, float] = {}
    for seed, value in sorted(pairs):
        if math.isfinite(value):
            found.setdefault(seed, value)
    return list(found.values())


def _null(values: Sequence[float], source: str) -> Null:
    from scipy import stats

    k, mean = len(values), math.fsum(values) / len(values)
    half = float(stats.t.ppf(0.975, k - 1)) * statistics.stdev(values) * math.sqrt(1 + 1 / k)
    return Null(tuple(values), source, mean, mean - half, mean + half)


def beyond(value: float, null: Null, higher: bool | None, own: tuple[float, float] = (math.nan, math.nan)) -> bool:
    """Whether a value is worse than the null's interval: below where higher is better, above where lower is, else outside.

    own: the value's interval over patients, where it has one; it must leave the null's mean out as well, since all seeds may
    share a floor without any spread (a gap of exactly 0).
    """
    below, above = value < null.low and _clear(own[1], null.mean, -1), value > null.high and _clear(own[0], null.mean, 1)
    if higher is None:
        return below or above
    return below if higher else above


def _clear(end: float, mean: float, side: int) -> bool:
    return math.isnan(end) or (end - mean) * side > 0


def false_alarms(null: Null, higher: bool | None) -> float | None:
    """Share of the null's values that the interval of the others flags as worse; None where too few others are left."""
    if len(null.values) <= LEAST:
        return None
    flagged = [
        beyond(value, _null([*null.values[:i], *null.values[i + 1 :]], null.source), higher)
        for i, value in enumerate(null.values)
    ]
    return sum(flagged) / len(flagged)
