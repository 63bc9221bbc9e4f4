"""Scores of every text, picture or series of a cohort, and one number for a cohort that has several."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence


def every(
    evidence: Evidence, kinds: Collection[str], key: str, score: Callable[[str], list[Score]], none: str, few: str
) -> list[Score]:
    """Scores of every modality of these kinds; one that has none is a gap of `key`.

    Raises NotApplicable where the cohort has no such modality (`none` says so), or none of them a score (`few`).
    """
    names = [name for name, schema in evidence.train.schemas.items() if schema.kind in kinds]
    if not names:
        raise NotApplicable(none)
    scores: list[Score] = []
    for name in names:
        try:
            scores += score(name)
        except NotApplicable as missing:
            evidence.not_applicable(key, missing.reason, modality=name)
    if not scores:
        raise NotApplicable(few)
    return scores


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
