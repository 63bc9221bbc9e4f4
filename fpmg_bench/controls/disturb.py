"""Noise, broken relations and pure chance for every kind of modality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Pixels, Series, Table, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Column, Schema

NOISE = 0.5  # standard deviations added at strength 1
SWAPPED = 0.2  # share of categories, flags and words replaced at strength 1


def noisy(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """Normal noise on numbers and pixels, a share of categories, flags and words replaced."""
    if isinstance(data, Table):
        frame = data.frame.copy()
        for column in schema.columns:
            frame[column.name] = _noisy_column(column, frame[column.name].to_numpy(), strength, rng)
        return Table(frame)
    if isinstance(data, Series):
        spread = np.array([_spread(data.values[..., c][data.seen[..., c]]) for c in range(data.values.shape[2])])
        noise = rng.standard_normal(data.values.shape) * spread * NOISE * strength
        return Series(data.time, np.where(data.seen, data.values + noise, 0).astype(np.float32), data.seen)
    if isinstance(data, Text):
        return _replaced_words(data, SWAPPED * strength, rng)
    array = data.array().astype(np.float32)
    noise = rng.standard_normal(array.shape, np.float32) * array.std() * NOISE * strength
    return Pixels.of(np.clip((array + noise).round(), 0, 255).astype(np.uint8))


def independent(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """A share `strength` of columns, channels, word places and pixels is dealt anew among the records, each by itself."""
    if isinstance(data, Table):
        frame = data.frame.copy()
        for column in schema.columns:
            if rng.random() < strength:
                frame[column.name] = rng.permutation(frame[column.name].to_numpy())
        return Table(frame)
    if isinstance(data, Series):
        values, seen = data.values.copy(), data.seen.copy()
        for c in np.flatnonzero(rng.random(values.shape[2]) < strength):
            order = rng.permutation(len(values))
            values[..., c], seen[..., c] = data.values[order, :, c], data.seen[order, :, c]
        return Series(data.time, values, seen)
    if isinstance(data, Text):
        return _replaced_words(data, strength, rng)
    flat = data.array().reshape(len(data), -1).copy()
    places = np.flatnonzero(rng.random(flat.shape[1]) < strength)
    flat[:, places] = rng.permuted(flat[:, places], axis=0)
    return Pixels.of(flat.reshape(data.array().shape))


def uniform(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """Uniform over the declared ranges and categories, over the words of the cohort, over bytes. `strength` plays no part."""
    if isinstance(data, Table):
        frame = data.frame.copy()
        for column in schema.columns:
            frame[column.name] = _uniform_column(column, frame[column.name].to_numpy(), rng)
        return Table(frame)
    if isinstance(data, Series):
        known = np.where(data.seen, data.values, np.nan)
        low = np.array([_end(known[..., c], np.min) for c in range(known.shape[2])])
        high = np.array([_end(known[..., c], np.max) for c in range(known.shape[2])])
        values = rng.uniform(low, high, data.values.shape)
        return Series(data.time, np.where(data.seen, values, 0).astype(np.float32), data.seen)
    if isinstance(data, Text):
        return _replaced_words(Text(tuple(sorted(data.strings))), 1.0, rng, distinct=True)
    return Pixels.of(rng.integers(0, 256, data.array().shape, dtype=np.uint8))


def dealt(n: int, share: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """A permutation of a random share of the positions; the others stay."""
    order = np.arange(n)
    chosen = rng.permutation(n)[: round(share * n)]
    order[np.sort(chosen)] = chosen
    return order


def _noisy_column(column: Column, values: NDArray[Any], strength: float, rng: np.random.Generator) -> NDArray[Any]:
    if column.type == "number":
        number = values.astype(np.float64)
        moved = number + rng.standard_normal(len(number)) * _spread(number) * NOISE * strength
        return np.clip(moved, column.low, column.high) if column.low is not None or column.high is not None else moved
    other = _uniform_column(column, values, rng)
    import pandas as pd

    return np.where(pd.notna(values) & (rng.random(len(values)) < SWAPPED * strength), other, values)


def _uniform_column(column: Column, values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    if column.type == "category":
        return rng.choice(np.array(column.categories, dtype=object), len(values))
    if column.type == "flag":
        return rng.integers(0, 2, len(values)).astype(np.float64)
    number = values.astype(np.float64)
    low = _end(number, np.min) if column.low is None else column.low
    high = _end(number, np.max) if column.high is None else column.high
    return rng.uniform(low, high, len(values))


def _replaced_words(text: Text, share: float, rng: np.random.Generator, *, distinct: bool = False) -> Text:
    """Each word replaced with probability `share` by one of the cohort's words, drawn by frequency (or each equally often)."""
    records = [string.split() for string in text.strings]
    pool = [word for words in records for word in words]
    pool = sorted(set(pool)) if distinct else pool
    return Text(tuple(" ".join(_drawn(words, pool, share, rng)) for words in records))


def _drawn(words: list[str], pool: list[str], share: float, rng: np.random.Generator) -> list[str]:
    chosen = rng.random(len(words)) < share
    others = rng.integers(0, max(1, len(pool)), len(words))
    return [pool[other] if swap else word for word, swap, other in zip(words, chosen, others, strict=True)]


def _spread(values: NDArray[Any]) -> float:
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else 0.0


def _end(values: NDArray[Any], which: Any) -> float:
    known = values[np.isfinite(values)]
    return float(which(known)) if len(known) else 0.0
