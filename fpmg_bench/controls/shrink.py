"""Records of one class drawn towards their mean: `collapse` and `half-spread` for every kind of modality.

strength s: numbers keep 1 - s of their distance to the mean; what cannot be averaged is replaced by the most frequent value
with probability s, and a share s of the words of a text by those of the class's most typical text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Pixels, Series, Table, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Schema


def shrunk(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """The modality's records, shrunk towards their common mean."""
    if isinstance(data, Table):
        return _table(schema, data, strength, rng)
    if isinstance(data, Series):
        return _series(data, strength, rng)
    if isinstance(data, Text):
        return _text(data, strength)
    return _pixels(data, strength)


def _table(schema: Schema, table: Table, strength: float, rng: np.random.Generator) -> Table:
    frame = table.frame.copy()
    for column in schema.columns:
        values = frame[column.name]
        if not values.notna().any():
            continue
        if column.type == "number":
            mean = float(values.mean())
            frame[column.name] = mean + (1 - strength) * (values - mean)
            replaced = values.isna() & (rng.random(len(values)) < strength)
            frame.loc[replaced, column.name] = mean
        else:
            frame.loc[rng.random(len(values)) < strength, column.name] = values.mode().iloc[0]
    return Table(frame)


def _series(series: Series, strength: float, rng: np.random.Generator) -> Series:
    """Towards the mean curve at each step; a share `strength` of the cells takes the mask that most records have there."""
    count = np.maximum(series.seen.sum(0), 1)
    mean = (np.where(series.seen, series.values, 0).sum(0) / count).astype(np.float32)
    usual = series.seen.mean(0) >= 0.5
    swap = rng.random(series.seen.shape) < strength
    seen = np.where(swap, usual, series.seen)
    values = mean + np.float32(1 - strength) * (np.where(series.seen, series.values, mean) - mean)
    time = series.time.mean(0) + np.float32(1 - strength) * (series.time - series.time.mean(0))
    return Series(time.astype(np.float32), np.where(seen, values, 0).astype(np.float32), seen)


def _text(text: Text, strength: float) -> Text:
    typical = typical_text(text.strings).split()
    return Text(tuple(_mixed_words(string.split(), typical, strength) for string in text.strings))


def _mixed_words(own: list[str], typical: list[str], strength: float) -> str:
    kept = round((1 - strength) * len(own))
    return " ".join(own[:kept] + typical[round((1 - strength) * len(typical)) :])


def typical_text(strings: tuple[str, ...]) -> str:
    """The text closest to the mean of all in bag-of-words cosine; the first of equals."""
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(n_features=2**12, alternate_sign=False).transform(strings)
    likeness: NDArray[np.float64] = np.asarray(words @ np.asarray(words.mean(0)).ravel()).ravel()
    return strings[int(likeness.argmax())]


def _pixels(pixels: Pixels, strength: float) -> Pixels:
    array = pixels.array().astype(np.float32)
    mean = array.mean(0)
    return Pixels.of(np.clip((mean + (1 - strength) * (array - mean)).round(), 0, 255).astype(np.uint8))
