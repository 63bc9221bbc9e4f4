"""Means with 95 % intervals: over seeds by Student's t, inside a trial by resampling patients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """(mean, low, high) by Student's t over seeds. One value has no interval (NaN bounds), none no mean; NaN is not dropped."""
    from scipy import stats

    k = len(values)
    if k == 0:
        return math.nan, math.nan, math.nan
    mean = math.fsum(values) / k
    if k == 1:
        return mean, math.nan, math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / (k - 1)
    half = float(stats.t.ppf(0.5 + confidence / 2, k - 1)) * math.sqrt(variance / k)
    return mean, mean - half, mean + half


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float],
    patient: ArrayLike,
    seed: int,
    draws: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval over patients: all records of a drawn patient come along (Efron & Tibshirani 1993, ch. 13).

    statistic(rows): the statistic of these record positions; patient [n]: patient of every record.
    """
    import numpy as np

    ids, inverse = np.unique(np.asarray(patient), return_inverse=True)
    records = np.argsort(inverse, kind="stable")
    groups = np.split(records, np.cumsum(np.bincount(inverse))[:-1])
    rng = np.random.default_rng(seed)
    found = [statistic(np.concatenate([groups[i] for i in rng.integers(0, len(ids), len(ids))])) for _ in range(draws)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)
