"""Handmade featurizers of the evaluation space: one a kind of modality, fitted on training records, frozen afterwards.

Each `fit_*` returns a function from records to float32 features [n, d]. Nothing here depends on a method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Column, Pixels, Schema, Series, Table, Text

    Float = NDArray[np.float32]
    Featurizer = Callable[[Any], Float]

KNOTS = 257
BINS = 8
WORDS, PROJECTED = 2**12, 96
PIXELS_AT_ONCE = 256


def fit(schema: Schema, data: Any, seed: int) -> Featurizer:
    """The featurizer of a modality's kind."""
    fits: Mapping[str, Callable[[Schema, Any, int], Featurizer]] = {
        "table": fit_table,
        "series": fit_series,
        "text": fit_text,
        "image": fit_pixels,
        "video": fit_pixels,
    }
    return fits[schema.kind](schema, data, seed)


def fit_table(schema: Schema, data: Table, seed: int) -> Featurizer:
    """Quantile-scaled numbers, one-hot categories, a missingness flag a column. Two values differ by at most about 1."""
    columns = [_fit_column(column, data.frame[column.name].to_numpy()) for column in schema.columns]

    def features(table: Table) -> Float:
        parts = [column(table.frame[c.name].to_numpy()) for c, column in zip(schema.columns, columns, strict=True)]
        return np.concatenate(parts, 1) if parts else np.zeros((len(table), 0), np.float32)

    return features


def _fit_column(column: Column, values: NDArray[Any]) -> Featurizer:
    if column.type == "category":
        return lambda x: _one_hot(column.categories, x)
    if column.type == "flag":
        return lambda x: _with_missing(x, lambda known: known)
    known = values.astype(np.float64)
    knots, ranks = _ranks(known[np.isfinite(known)])
    return lambda x: _with_missing(x, lambda known: _scale(known, knots, ranks))


def _one_hot(categories: tuple[str, ...], values: NDArray[Any]) -> Float:
    """One column a category, 1/sqrt(2) so that two categories are 1 apart; a last column flags the unknown."""
    hot = (values.astype(object)[:, None] == np.array(categories, object)).astype(np.float32)
    unknown = 1 - hot.max(1, initial=0.0)
    return np.concatenate([hot / np.float32(np.sqrt(2)), unknown[:, None]], 1)


def _with_missing(values: NDArray[Any], scale: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Float:
    """Scaled values with the missing (or infinite) ones in the middle, and the flag that says so."""
    x = values.astype(np.float64)
    known = np.isfinite(x)
    scaled = np.full(len(x), 0.5)
    scaled[known] = scale(x[known])
    return np.stack([scaled, ~known], 1).astype(np.float32)


def _ranks(known: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distinct training values and their mid-ranks in (0, 1), thinned to `KNOTS`."""
    if not len(known):
        return np.zeros(1), np.full(1, 0.5)
    values, counts = np.unique(known, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / len(known)
    keep = np.unique(np.linspace(0, len(values) - 1, KNOTS).round().astype(int)) if len(values) > KNOTS else slice(None)
    return values[keep], ranks[keep]


def _scale(x: NDArray[np.float64], knots: NDArray[np.float64], ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank by interpolation; beyond the training range it grows by up to 1 more, so that impossible values cost something."""
    width = float(knots[-1] - knots[0]) or max(abs(float(knots[0])), 1.0)
    beyond = np.clip((x - knots[-1]) / width, 0, 1) - np.clip((knots[0] - x) / width, 0, 1)
    scaled: NDArray[np.float64] = np.interp(x, knots, ranks) + beyond
    return scaled


def fit_series(schema: Schema, data: Series, seed: int) -> Featurizer:
    """A channel's mean, spread, trend and share seen, its values in 8 equal stretches of time and which of these are known."""
    seen = data.seen & np.isfinite(data.values)
    weight = np.maximum(seen.sum((0, 1)), 1)
    values = np.where(seen, data.values, 0).astype(np.float64)
    mean = values.sum((0, 1)) / weight
    spread = np.sqrt((np.where(seen, values - mean, 0) ** 2).sum((0, 1)) / weight)
    spread[spread < 1e-12] = 1.0
    when = data.time[seen.any(2)]
    start, end = (float(when.min()), float(when.max())) if when.size else (0.0, 1.0)
    length = (end - start) or 1.0
    return lambda series: _series(series, mean, spread, start, length)


def _series(series: Series, mean: NDArray[np.float64], spread: NDArray[np.float64], start: float, length: float) -> Float:
    seen = series.seen & np.isfinite(series.values)
    s = seen.astype(np.float32)
    v = np.where(seen, np.clip((series.values - mean) / spread, -5, 5), 0).astype(np.float32)
    u = np.clip((np.nan_to_num(series.time) - start) / length, 0, 1).astype(np.float32)
    inside = np.minimum((u * BINS).astype(int), BINS - 1)[:, None, :] == np.arange(BINS)[None, :, None]
    count = inside.astype(np.float32) @ s
    binned = (inside.astype(np.float32) @ v) / np.maximum(count, 1)
    root = np.float32(np.sqrt(BINS))
    parts = [_moments(v, s, u), binned.reshape(len(v), -1) / root, (count > 0).reshape(len(v), -1) / (2 * root)]
    return np.concatenate(parts, 1).astype(np.float32)


def _moments(v: Float, s: Float, u: Float) -> Float:
    """Mean, spread, trend a unit of the whole time, and share seen, a channel [n, 4c]; v is 0 where unseen."""
    n = np.maximum(s.sum(1), 1)
    mean = v.sum(1) / n
    off = (v - mean[:, None]) * s
    spread = np.sqrt((off**2).sum(1) / n)
    time = (u[..., None] - (u[..., None] * s).sum(1, keepdims=True) / n[:, None]) * s
    trend = np.clip((time * off).sum(1) / np.maximum((time**2).sum(1), 1e-2), -5, 5)
    return np.concatenate([mean, spread, trend / 4, s.mean(1)], 1)


def fit_text(schema: Schema, data: Text, seed: int) -> Featurizer:
    """Hashed words and word pairs, log counts times inverse document frequency, unit length, a fixed random projection."""
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(n_features=WORDS, ngram_range=(1, 2), norm=None, alternate_sign=False)
    counts = hashing.transform(data.strings)
    frequency = np.log((1 + counts.shape[0]) / (1 + counts.getnnz(0))) + 1
    rng = np.random.default_rng(seed_for(seed, "evaluation space", "text projection"))
    projection = rng.standard_normal((WORDS, PROJECTED)) / np.sqrt(PROJECTED)

    def features(text: Text) -> Float:
        words = hashing.transform(text.strings)
        words.data = np.log1p(words.data)
        words = words.multiply(frequency).tocsr()
        length = np.sqrt(np.asarray(words.multiply(words).sum(1))).ravel()
        projected: Float = (words @ projection / np.maximum(length, 1e-12)[:, None]).astype(np.float32)
        return projected

    return features


def fit_pixels(schema: Schema, data: Pixels, seed: int) -> Featurizer:
    """Mean brightness in a grid: 16 x 16 for one channel, 12 x 12 for more; video 4 stretches of time x 8 x 8."""
    channels = schema.shape[-3]
    grid = (4, 8, 8) if schema.kind == "video" else (16, 16) if channels == 1 else (12, 12)
    return lambda pixels: _pooled(pixels, grid)


def _pooled(pixels: Pixels, grid: tuple[int, ...]) -> Float:
    import torch
    from torch import nn

    pool = nn.AdaptiveAvgPool3d(grid) if len(grid) == 3 else nn.AdaptiveAvgPool2d(grid)
    parts = []
    for start in range(0, len(pixels), PIXELS_AT_ONCE):
        raw = pixels.take(np.arange(start, min(start + PIXELS_AT_ONCE, len(pixels)))).array()
        x = torch.from_numpy(np.ascontiguousarray(raw)).float() / 255
        x = x.transpose(1, 2) if len(grid) == 3 else x  # video: [n, t, c, h, w] to [n, c, t, h, w]
        parts.append(pool(x).flatten(1).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
