"""Pictures that show nothing and texts that say nothing: noise, blur, question marks, words in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.controls.disturb import dealt
from fpmg_bench.types import Pixels, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fpmg_bench.types import Schema

PICTURES, TEXTS = ("image", "video"), ("text",)
BLUR = 1 / 16  # of the picture's shorter side: the Gaussian's standard deviation at strength 1


def grey_noise(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """A share `strength` of the pictures is white noise of the picture's own mean and spread (before clipping to a byte)."""
    if schema.kind not in PICTURES:
        return data
    array = data.array().astype(np.float32)
    axes = tuple(range(1, array.ndim))
    mean, spread = array.mean(axes, keepdims=True), array.std(axes, keepdims=True)
    noise = mean + spread * rng.standard_normal(array.shape, np.float32)
    chosen = (rng.random(len(array)) < strength).reshape(-1, *(1 for _ in axes))
    return Pixels.of(_bytes(np.where(chosen, noise, array)))


def blurred(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """Every picture through a Gaussian of `strength` / 16 of its side; nothing is drawn."""
    if schema.kind not in PICTURES:
        return data
    from scipy.ndimage import gaussian_filter

    array = data.array().astype(np.float32)
    sigma = strength * BLUR * min(array.shape[-2:])
    return Pixels.of(_bytes(gaussian_filter(array, (*(0.0 for _ in array.shape[:-2]), sigma, sigma), mode="nearest")))


def question_marks(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """Each character but white space becomes "?" with probability `strength`."""
    if schema.kind not in TEXTS:
        return data
    return Text(tuple(_marked(string, rng.random(len(string)) < strength) for string in data.strings))


def shuffled_words(schema: Schema, data: Any, strength: float, rng: np.random.Generator) -> Any:
    """A share `strength` of each text's words changes places; of the characters where a text is one word (no spaces are written)."""
    if schema.kind not in TEXTS:
        return data
    return Text(tuple(_shuffled(string, strength, rng) for string in data.strings))


def _marked(string: str, chosen: NDArray[np.bool_]) -> str:
    return "".join("?" if swap and not c.isspace() else c for c, swap in zip(string, chosen, strict=True))


def _shuffled(string: str, strength: float, rng: np.random.Generator) -> str:
    words: Sequence[str] = string.split()
    between = " "
    if len(words) < 2:
        words, between = string, ""
    order = dealt(len(words), strength, rng)
    return between.join(words[i] for i in order)


def _bytes(array: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(array.round(), 0, 255), np.uint8)
