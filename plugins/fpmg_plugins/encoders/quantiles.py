"""Empirical distribution functions of numbers, from counts over public bins: one exchange, charged as counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from fpmg_bench.errors import PluginError
from fpmg_plugins.encoders import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import Column

    Floats = NDArray[np.float64]

COARSE, FINE = 64, 4096  # bins a column: noise would drown more than the few, and the few cannot tell a heap from its neighbours
EVEN = 512  # evenly spread bins of a wide column, beside those of round values
QUANTILES = np.linspace(0.0, 1.0, 33)[1:-1]
SMOOTH, EVENLY = 0.15, 0.01
TAIL = 0.004  # ranks are kept this far from 0 and 1: scores stay within +-2.65


@dataclass(frozen=True, slots=True)
class Grid:
    """Public bins of some columns on the scale of `numbers.fraction`; their counts and functions lie in one flat vector."""

    columns: tuple[Column, ...]
    fine: bool

    @classmethod
    def counted(cls, columns: Sequence[Column], counts: int) -> Grid:
        """The grid with that many bins in all."""
        return cls._sized(columns, counts, 0)

    @classmethod
    def of(cls, columns: Sequence[Column], distribution: Tensor) -> Grid:
        """The grid of a flat vector of distribution functions."""
        return cls._sized(columns, len(distribution), len(columns))

    @classmethod
    def _sized(cls, columns: Sequence[Column], size: int, extra: int) -> Grid:
        for fine in (True, False):
            grid = cls(tuple(columns), fine)
            if sum(grid.bins) + extra == size:
                return grid
        raise PluginError(f"statistics of {size} numbers do not belong to these {len(columns)} columns")

    @property
    def edges(self) -> list[Floats]:
        return [_edges(column, self.fine) for column in self.columns]

    @property
    def bins(self) -> list[int]:
        return [len(edge) - 1 for edge in self.edges]

    def histogram(self, place: Floats) -> Tensor:
        """Bin membership of place [n, ..., k], NaN ignored: rows [n, sum(bins)] float32, each column of a row summing to 1 or 0."""
        n, flat = len(place), place.reshape(len(place), -1, len(self.columns))
        owner = np.broadcast_to(np.arange(n)[:, None], flat.shape[:2])
        parts = [np.zeros((n, bins), dtype=np.float32) for bins in self.bins]
        for j, (part, edge) in enumerate(zip(parts, self.edges, strict=True)):
            known = ~np.isnan(flat[:, :, j])
            at = np.clip(np.searchsorted(edge, flat[:, :, j][known], side="right") - 1, 0, part.shape[1] - 1)
            np.add.at(part, (owner[known], at), 1.0)
        return torch.from_numpy(
            np.concatenate([part / np.maximum(part.sum(axis=1, keepdims=True), 1.0) for part in parts], axis=1)
        )

    def distribution(self, counts: Tensor) -> Tensor:
        """Distribution functions, a column's [bins + 1] after another's, float64; noisy counts may be negative.

        They are smoothed a little: unseen values between seen ones get room on the scale too, and the functions can be inverted.
        """
        parts = torch.split(counts.double(), self.bins)
        return torch.cat([torch.from_numpy(_rising(edge, part.numpy())) for edge, part in zip(self.edges, parts, strict=True)])

    def functions(self, distribution: Tensor) -> list[tuple[Floats, Floats]]:
        """(edges, ranks at these edges) of each column."""
        parts = torch.split(distribution, [bins + 1 for bins in self.bins])
        return [(edge, part.numpy()) for edge, part in zip(self.edges, parts, strict=True)]


def standardise(columns: Sequence[Column], distribution: Tensor, place: Floats) -> NDArray[np.float32]:
    """place [..., k] to normal scores (van der Waerden), so that tails keep their resolution; NaN gives 0."""
    scores = np.zeros(place.shape, dtype=np.float32)
    for j, (edge, ranks) in enumerate(Grid.of(columns, distribution).functions(distribution)):
        scores[..., j] = np.nan_to_num(score(np.interp(place[..., j], edge, ranks)), nan=0.0)
    return scores


def restore(columns: Sequence[Column], distribution: Tensor, scores: Floats) -> Floats:
    """Inverse of `standardise`: values in the columns' own units, in range and rounded."""
    result = np.empty(scores.shape)
    for j, (edge, ranks) in enumerate(Grid.of(columns, distribution).functions(distribution)):
        result[..., j] = numbers.value(columns[j], np.interp(rank(scores[..., j]), ranks, edge))
    return result


def score(ranks: Floats) -> Floats:
    """Normal scores of ranks in [0, 1]."""
    found: Floats = ndtri(TAIL + (1 - 2 * TAIL) * ranks)
    return found


def rank(scores: Floats) -> Floats:
    """Inverse of `score`. Beyond TAIL nothing was asked for: stretching to 0 and 1 reaches the ends of the range again."""
    found: Floats = np.clip((ndtr(scores) - TAIL) / (1 - 2 * TAIL), 0.0, 1.0)
    return found


@lru_cache(maxsize=4096)
def _edges(column: Column, fine: bool) -> Floats:
    """Edges [bins + 1]: one bin a value where the values fit, otherwise even bins, and if fine also one around each round value."""
    values = _values(column)
    if 2 <= values <= (FINE if fine else COARSE):
        return (np.arange(values + 1) - 0.5) / (values - 1)
    if not fine:
        return np.linspace(0.0, 1.0, COARSE + 1)
    if not numbers.declared(column):
        return np.linspace(0.0, 1.0, FINE + 1)
    width = (column.high or 0.0) - (column.low or 0.0)
    half = (column.step or width * 1e-6) / 2
    around = np.array([value + side for value in _round_values(column) for side in (-half, half)])
    inside = numbers.fraction(column, np.clip(around, column.low, column.high))
    edges = np.unique(np.concatenate([np.linspace(0.0, 1.0, EVEN + 1), inside]))
    return np.concatenate([edges[:1], edges[1:][np.diff(edges) > 1e-9]])


def _values(column: Column) -> int:
    """How many values a column can take, 0 where that is not declared."""
    if not column.step or column.low is None or column.high is None:
        return 0
    return round((column.high - column.low) / column.step) + 1


def _round_values(column: Column) -> list[float]:
    """What people and machines heap on: ends of the range, zero, two digits, powers of two and one less, within six decades."""
    low, high = float(column.low or 0.0), float(column.high or 0.0)
    top = int(np.ceil(np.log10(max(abs(low), abs(high), 1e-12))))
    digits = [m * 10.0**e for e in range(top - 6, top) for m in range(10, 100)]
    powers = [2.0**e - less for e in range(32) for less in (0, 1)]
    both = [sign * value for value in (*digits, *powers) for sign in (-1, 1)]
    step = column.step or 0.0
    return [value for value in (low, high, 0.0, *both) if low <= value <= high and (not step or abs(value) >= step or value == 0)]


def _rising(edge: Floats, counts: Floats) -> Floats:
    """The distribution function at the edges: of the counts, mixed with the line through its quantiles and with a constant density."""
    even: Floats = (edge - edge[0]) / (edge[-1] - edge[0])
    total = counts.sum()
    if total <= 0:
        return even
    mass = on_simplex(counts, total)
    own = np.concatenate([[0.0], np.cumsum(mass)]) / total
    # where the function is flat its inverse is taken as the far end, so that the line runs through the gap
    at = edge[np.clip(np.searchsorted(own, QUANTILES), 0, len(edge) - 1)]
    at, first = np.unique(np.concatenate([edge[:1], at, edge[-1:]]), return_index=True)
    smooth = np.interp(edge, at, np.concatenate([[0.0], QUANTILES, [1.0]])[first])
    rising = (1 - SMOOTH - EVENLY) * own + SMOOTH * smooth + EVENLY * even
    found: Floats = rising / rising[-1]
    return found


def on_simplex(counts: Floats, total: float) -> Floats:
    """The nearest counts >= 0 with this sum: noise fills empty bins as often up as down, and cutting at 0 would keep the ups.

    Projection by sorting (Duchi et al., 2008).
    """
    falling = np.sort(counts)[::-1]
    excess = (np.cumsum(falling) - total) / np.arange(1, len(counts) + 1)
    nearest: Floats = np.maximum(counts - excess[falling > excess][-1], 0.0)
    return nearest
