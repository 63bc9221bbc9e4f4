"""Bootstrap over patients: 95 % intervals of means, ratios of means and areas under the ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Rng

    Floats = NDArray[np.floating[Any]]
    Counts = NDArray[np.int64]

TAILS = (0.025, 0.975)


def fresh_seed(rng: Rng) -> int:
    """A seed drawn from the metric's own stream; every release then starts from it, so that they meet the same draws."""
    import torch

    return int(torch.randint(0, 2**62, (), generator=rng))


def patient_weights(patient: Counts, draws: int, rng: np.random.Generator) -> Floats:
    """How often each record counts in each bootstrap draw [draws, n]: patients are drawn with replacement, records follow."""
    people, inverse = np.unique(patient, return_inverse=True)
    times = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), size=draws)
    return times[:, inverse].astype(np.float32)


def mean_draws(values: Floats, weights: Floats) -> Floats:
    """Bootstrap draws [draws] of the mean over records; weights [draws, n]."""
    means: Floats = (weights @ values.astype(np.float64)) / np.maximum(weights.sum(1), 1)
    return means


def interval(draws: Floats) -> tuple[float, float] | tuple[None, None]:
    """The 95 % percentile interval of the finite draws; none where fewer than half are finite."""
    finite = draws[np.isfinite(draws)]
    if len(finite) < max(2, len(draws) / 2):
        return None, None
    low, high = np.quantile(finite, TAILS)
    return float(low), float(high)
