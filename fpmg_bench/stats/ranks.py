"""Across datasets: rank tests on dataset means (Demsar 2006), only where there are enough datasets to say anything."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fpmg_bench.errors import NotApplicable

MIN_DATASETS = 6


def wilcoxon(differences: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test on one mean difference a dataset. NotApplicable under 6 datasets."""
    from scipy import stats

    _enough(len(differences))
    if not any(differences):
        return 1.0
    return float(stats.wilcoxon(differences, method="auto").pvalue)


def friedman(values: Sequence[Sequence[float]]) -> float:
    """p of Friedman's test; values[dataset][method] are dataset means. NotApplicable under 6 datasets or 3 methods."""
    from scipy import stats

    _enough(len(values))
    if len(values[0]) < 3:
        raise NotApplicable(f"Friedman's test compares at least 3 methods, not {len(values[0])}")
    return float(stats.friedmanchisquare(*zip(*values, strict=True)).pvalue)


def critical_difference(methods: int, datasets: int, alpha: float = 0.05) -> float:
    """Nemenyi's: mean ranks further apart than this differ. NotApplicable under 6 datasets or 3 methods.

    CD = q sqrt(k (k + 1) / 6 N), q: studentised range of k groups and infinite degrees of freedom, over sqrt 2 (Demsar 2006).
    """
    from scipy import stats

    _enough(datasets)
    if methods < 3:
        raise NotApplicable(f"a critical difference compares at least 3 methods, not {methods}")
    q = float(stats.studentized_range.ppf(1 - alpha, methods, float("inf"))) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * datasets))


def _enough(datasets: int) -> None:
    if datasets < MIN_DATASETS:
        raise NotApplicable(f"not ranked across datasets: {datasets} of them, at least {MIN_DATASETS} are needed")
