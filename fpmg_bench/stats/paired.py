"""Two methods within a dataset, paired by seed. Where seeds share patients the variance is corrected (Nadeau & Bengio 2003)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fpmg_bench.errors import NotApplicable

MIN_SEEDS = 5


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Mean difference over k seeds with its corrected 95 % interval, t statistic and two-sided p."""

    mean: float
    low: float
    high: float
    t: float
    p: float
    k: int


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests: p is the larger of the two; equivalent within the margin where p < alpha."""

    margin: float
    p: float
    equivalent: bool


def corrected_t(differences: Sequence[float], ratio: float, confidence: float = 0.95) -> PairedTest:
    """Corrected resampled t-test of paired differences: variance x (1/k + ratio), k - 1 degrees of freedom.

    ratio: held-out over training patients, n_H / n_T; 0 where no two seeds share a patient: Student's paired test. Fewer than 5 seeds: NotApplicable, the methods are not ranked.
    """
    from scipy import stats

    k = len(differences)
    if k < MIN_SEEDS:
        raise NotApplicable(f"not ranked: {k} paired seeds, at least {MIN_SEEDS} needed")
    mean = math.fsum(differences) / k
    error = _error(differences, mean, ratio)
    half = float(stats.t.ppf(0.5 + confidence / 2, k - 1)) * error
    t, p = _t_and_p(mean, error, k - 1)
    return PairedTest(mean, mean - half, mean + half, t, p, k)


def _error(differences: Sequence[float], mean: float, ratio: float) -> float:
    k = len(differences)
    return math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (k - 1) * (1 / k + ratio))


def _t_and_p(mean: float, error: float, freedom: int) -> tuple[float, float]:
    """t and its two-sided p; without any spread a difference is certain and no difference is none."""
    from scipy import stats

    if error == 0:
        return (0.0, 1.0) if mean == 0 else (math.copysign(math.inf, mean), 0.0)
    t = mean / error
    return t, 2 * float(stats.t.sf(abs(t), freedom))


def tost(differences: Sequence[float], margin: float, ratio: float, alpha: float = 0.05) -> Equivalence:
    """Equivalence within +- margin by two one-sided corrected t-tests (Schuirmann 1987). NotApplicable under 5 seeds."""
    from scipy import stats

    if margin <= 0:
        raise ValueError(f"margin {margin}: an equivalence margin is positive")
    test = corrected_t(differences, ratio)
    error = _error(differences, test.mean, ratio)
    if error == 0:
        p = 0.0 if abs(test.mean) < margin else 1.0
    else:
        p = float(max(stats.t.sf((margin + side * test.mean) / error, test.k - 1) for side in (1, -1)))
    return Equivalence(margin, p, p < alpha)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (1979), in the given order."""
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = highest
    return adjusted


def detectable(spread: float, k: int, ratio: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest true difference that the corrected test on k seeds finds with this power, two-sided.

    spread: standard deviation of the paired differences. From the noncentral t distribution; rejecting in the wrong direction is
    not finding it.
    """
    from scipy import optimize, stats

    if k < 2:
        return math.inf
    if spread == 0:
        return 0.0
    limit = float(stats.t.ppf(1 - alpha / 2, k - 1))

    def excess(shift: float) -> float:
        return float(stats.nct.sf(limit, k - 1, shift)) - power

    shift = float(optimize.brentq(excess, 0.0, 4 * limit + 10))
    return shift * spread * math.sqrt(1 / k + ratio)
