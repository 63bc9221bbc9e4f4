"""One number for a cohort that has several texts, pictures, tables or series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from fpmg_bench.types import Score


def means(scores: Sequence[Score], *keys: str) -> list[Score]:
    """Of these keys the mean over the modalities that have the score, for each scope that all of them have; floors and ends too."""
    return [found for key in keys for found in _of([score for score in scores if score.key == key])]


def _of(own: Sequence[Score]) -> Iterator[Score]:
    names = {score.modality for score in own}
    for scope in dict.fromkeys(score.scope for score in own):
        mine = [score for score in own if score.scope == scope]
        if len(mine) == len(names):
            value = _mean(score.value for score in mine)
            assert value is not None
            low, high, floor = (_mean(getattr(score, part) for score in mine) for part in ("low", "high", "floor"))
            yield replace(mine[0], value=value, low=low, high=high, floor=floor, modality=None)


def _mean(values: Iterable[float | None]) -> float | None:
    """None where one of them is."""
    found = list(values)
    return None if any(value is None for value in found) else float(np.mean([value for value in found if value is not None]))
