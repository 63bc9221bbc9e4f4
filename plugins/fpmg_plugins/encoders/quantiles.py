"""Empirical distribution functions of numbers, from counts over public bins: one exchange, charged as counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from fpmg_plugins.encoders import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import Column

BINS = 64
TAIL = 0.004  # ranks are kept this far from 0 and 1: scores stay within +-2.65


def edges(column: Column) -> NDArray[np.float64]:
    """Edges [BINS + 1] on the scale of `numbers.fraction`; whole-number columns get one bin a value where they fit."""
    if column.step and column.low is not None and column.high is not None:
        values = round((column.high - column.low) / column.step) + 1
        if 2 <= values <= BINS:
            # bins of no width behind the last value never count anything
            return np.minimum((np.arange(BINS + 1) - 0.5) / (values - 1), 1 + 0.5 / (values - 1))
    return np.linspace(0.0, 1.0, BINS + 1)


def histogram(columns: Sequence[Column], place: NDArray[np.float64]) -> Tensor:
    """Bin membership of place [n, ..., k], NaN ignored: rows [n, k * BINS] float32, each column of a row summing to 1 or 0."""
    n, k = len(place), len(columns)
    rows = np.zeros((n, k, BINS), dtype=np.float32)
    flat = place.reshape(n, -1, k)
    owner = np.broadcast_to(np.arange(n)[:, None], flat.shape[:2])
    for j, column in enumerate(columns):
        known = ~np.isnan(flat[:, :, j])
        at = np.clip(np.searchsorted(edges(column), flat[:, :, j][known], side="right") - 1, 0, BINS - 1)
        np.add.at(rows[:, j], (owner[known], at), 1.0)
    rows /= np.maximum(rows.sum(axis=2, keepdims=True), 1.0)
    return torch.from_numpy(rows.reshape(n, k * BINS))


def distribution(counts: Tensor, k: int) -> Tensor:
    """Distribution functions [k, BINS + 1] float64 from counts [k * BINS]; noisy counts may be negative.

    A little of every bin is added, so that the function rises strictly and can be inverted.
    """
    mass = counts.double().reshape(k, BINS).clamp(min=0.0)
    mass = mass + 1e-4 * mass.sum(dim=1, keepdim=True).clamp(min=1.0) / BINS
    rising = torch.cumsum(mass / mass.sum(dim=1, keepdim=True), dim=1)
    return torch.cat([torch.zeros(k, 1, dtype=torch.float64), rising], dim=1)


def standardise(columns: Sequence[Column], cdf: Tensor, place: NDArray[np.float64]) -> NDArray[np.float32]:
    """place [..., k] to normal scores (van der Waerden), so that tails keep their resolution; NaN gives 0."""
    scores = np.zeros(place.shape, dtype=np.float32)
    for j, column in enumerate(columns):
        rank = np.interp(place[..., j], edges(column), cdf[j].numpy())
        scores[..., j] = np.nan_to_num(ndtri(TAIL + (1 - 2 * TAIL) * rank), nan=0.0)
    return scores


def restore(columns: Sequence[Column], cdf: Tensor, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `standardise`: values in the columns' own units, in range and rounded."""
    result = np.empty(scores.shape)
    for j, column in enumerate(columns):
        # ranks beyond TAIL were never asked for: stretching them to 0 and 1 reaches the ends of the range again
        rank = np.clip((ndtr(scores[..., j]) - TAIL) / (1 - 2 * TAIL), 0.0, 1.0)
        result[..., j] = numbers.value(column, np.interp(rank, cdf[j].numpy(), edges(column)))
    return result
