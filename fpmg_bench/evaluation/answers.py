"""What a metric answered, read as its contract says. Whatever else it gives is its own failure, told before anybody relies on it."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from fpmg_bench.errors import PluginError
from fpmg_bench.types import Scale, Score

CONTRACT = "a metric returns a sequence of Score, or raises NotApplicable(reason): fpmg_bench.contracts.Metric"


def declared(metric: Any) -> None:
    """PluginError where `family` or `scales` is not what the contract asks for."""
    family, scales = getattr(metric, "family", None), getattr(metric, "scales", None)
    if not isinstance(family, str) or not family:
        raise PluginError(f"{type(metric).__name__} declares no family (family = {family!r})", 'write family = "RG", or another')
    if not isinstance(scales, Mapping) or not all(map(sound, scales.values())):
        raise PluginError(f"{type(metric).__name__}: scales is no mapping of keys to whole Scales", "every score needs its scale")


def sound(scale: Any) -> bool:
    """Is this a scale with numbers and texts where they belong?"""
    if not isinstance(scale, Scale):
        return False
    real = all(isinstance(value, numbers.Real) for value in (scale.best, scale.low, scale.high))
    return real and scale.higher_is_better in (True, False, None) and all(map(_text, (scale.unit, scale.source)))


def read(answer: Any) -> list[Score]:
    """The scores with plain numbers in them; a generator is run to its end here, and so raises here.

    PluginError names the first thing that is no score, or no number in one.
    """
    if isinstance(answer, (str, bytes, Mapping)) or not isinstance(answer, Iterable):
        raise PluginError(f"it returned {_shown(answer)}", CONTRACT)
    return [_plain(score) for score in answer]


def _plain(score: Any) -> Score:
    if not isinstance(score, Score):
        raise PluginError(f"it returned {_shown(score)} among its scores", CONTRACT)
    for name in ("key", "scope", "modality", "source"):
        text = getattr(score, name)
        if not _text(text) and (text is not None or name != "modality"):
            raise PluginError(f"score {_shown(score.key)}: {name} is {_shown(text)}", CONTRACT)
    changed: dict[str, Any] = {name: _number(score, name, float) for name in ("value", "low", "high", "floor")}
    return replace(score, **changed, n=_number(score, "n", int), round=_number(score, "round", int))


def _number(score: Score, name: str, make: Callable[[Any], Any]) -> Any:
    value: Any = getattr(score, name)
    if value is None and name != "value":
        return None
    whole = make is int
    if not isinstance(value, numbers.Integral if whole else numbers.Real) or isinstance(value, bool):
        raise PluginError(f"score '{score.key}': {name} is {_shown(value)}, no {'whole ' if whole else ''}number", CONTRACT)
    return make(value)


def _text(value: Any) -> bool:
    """A string that a file can hold."""
    return isinstance(value, str) and value == said(value)


def said(text: str) -> str:
    """The text without what no file can hold (lone surrogates)."""
    return text.encode("utf-8", "replace").decode()


def _shown(value: Any) -> str:
    text = ascii(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}" if value is not None else "None"
