"""Series against their decoded selves: masked error in standard deviations, and what two simple rivals reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Series

    Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Units:
    """Mean and standard deviation [c] of each channel's seen values among the training patients."""

    mean: Floats
    spread: Floats


def units(training: Series) -> Units:
    """A channel that was never seen, or is constant, gets mean 0 or spread 1."""
    count = np.maximum(training.seen.sum((0, 1)), 1)
    values = np.where(training.seen, training.values, 0).astype(np.float64)
    mean = values.sum((0, 1)) / count
    spread = np.sqrt((np.where(training.seen, values - mean, 0) ** 2).sum((0, 1)) / count)
    return Units(mean, np.where(spread > 0, spread, 1.0))


def rmse(real: Series, made: Series, scale: Units) -> float:
    """Root mean square over the values seen in `real`. Where `made` shows a gap, what it shows around is read linearly in time."""
    return masked_error(real, filled(made, scale), scale)


def filled(made: Series, scale: Units) -> Floats:
    """Values [n, t, c] in standard deviations, gaps bridged by what is seen before and after; the mean where nothing is."""
    values = _standard(made, scale)
    steps = np.arange(values.shape[1])
    for row, channel in np.argwhere(~made.seen.all(1)):
        known = made.seen[row, :, channel]
        line = values[row, :, channel]
        values[row, :, channel] = np.interp(steps, steps[known], line[known]) if known.any() else 0.0
    return values


def masked_error(real: Series, guess: Floats, scale: Units) -> float:
    """Root mean square of guess [n, t, c] (in standard deviations) over what was seen."""
    wrong = (_standard(real, scale) - guess)[real.seen]
    return float(np.sqrt(np.mean(wrong**2))) if len(wrong) else 0.0


def rivals(training: Series, real: Series, scale: Units, components: int) -> dict[str, float]:
    """`rmse_locf` and `rmse_pca` of the real series."""
    return {
        "rmse_locf": masked_error(real, carried_forward(real, scale), scale),
        "rmse_pca": masked_error(real, _principal(training, real, scale, components), scale),
    }


def carried_forward(real: Series, scale: Units) -> Floats:
    """The value seen before in the same channel; the training mean (0) before the first."""
    values = _standard(real, scale)
    guess = np.zeros_like(values)
    for step in range(1, values.shape[1]):
        guess[:, step] = np.where(real.seen[:, step - 1], values[:, step - 1], guess[:, step - 1])
    return guess


def _principal(training: Series, real: Series, scale: Units, components: int) -> Floats:
    from sklearn.decomposition import PCA

    shown, held = (np.where(part.seen, _standard(part, scale), 0.0).reshape(len(part), -1) for part in (training, real))
    model = PCA(min(components, len(shown) - 1, shown.shape[1]), svd_solver="full").fit(shown)
    guess: Floats = model.inverse_transform(model.transform(held)).reshape(real.values.shape)
    return guess


def _standard(part: Series, scale: Units) -> Floats:
    standard: Floats = (part.values.astype(np.float64) - scale.mean) / scale.spread
    return standard
