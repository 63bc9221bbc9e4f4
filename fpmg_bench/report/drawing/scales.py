"""From values to places on a drawing: linear, logarithmic and category axes, and their ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fpmg_bench.report.wording import as_float

TICKS = 5  # about so many, at round numbers
ROOM = 0.07  # of the range, left free on both sides


@dataclass(frozen=True, slots=True)
class Scale:
    """low, high: the ends in the axis's own units (exponents of ten on a logarithmic axis); start, end: the same in pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    names: Sequence[str] = ()
    ticks: Sequence[tuple[float, str]] = field(default=())  # (pixels, words)

    def at(self, value: Any) -> float | None:
        """Pixels of a value or category; None for what has no place: no number, infinity, or nothing above 0 on a logarithmic axis."""
        if self.names:
            return self._along(self.names.index(str(value))) if str(value) in self.names else None
        x = as_float(value)
        if x is None or math.isinf(x) or (self.log and x <= 0):
            return None
        return self._along(math.log10(x) if self.log else x)

    def _along(self, x: float) -> float:
        share = (x - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def scale(axis: Mapping[str, Any], values: Iterable[Any], start: float, end: float) -> Scale:
    """The axis of these values between two places in pixels; categories stand in order of appearance from `start` on."""
    found = list(values)
    if axis.get("type") == "category":
        names = list(dict.fromkeys(str(value) for value in found))
        drawn = Scale(-0.5, max(len(names), 1) - 0.5, start, end, names=names)
        return _ticked(drawn, [(name, name) for name in names])
    log = axis.get("type") == "log"
    low, high = axis.get("range") or _ends(found, log, zero=axis.get("rangemode") == "tozero")
    return _ticked(Scale(low, high, start, end, log), _ticks(axis, low, high, log))


def _ends(values: Iterable[Any], log: bool, zero: bool) -> tuple[float, float]:
    known = [x for value in values if (x := as_float(value)) is not None and math.isfinite(x)]
    known = [math.log10(x) for x in known if x > 0] if log else known
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = ROOM * (high - low) or abs(high) * ROOM or 1.0
    return low if zero and low == 0 else low - room, high + room


def _ticks(axis: Mapping[str, Any], low: float, high: float, log: bool) -> list[tuple[Any, str]]:
    if "tickvals" in axis:
        return list(zip(axis["tickvals"], axis["ticktext"], strict=True))
    if log:
        return [(10.0**k, f"{10.0**k:g}") for k in range(math.ceil(low), math.floor(high) + 1)]
    step = axis.get("dtick") or _step((high - low) / TICKS)
    first = axis.get("tick0", 0)
    whole = range(math.ceil((low - first) / step - 1e-9), math.floor((high - first) / step + 1e-9) + 1)
    places = max(0, -math.floor(math.log10(step) + 1e-9) + (step / 10 ** math.floor(math.log10(step) + 1e-9) == 2.5))
    at = [(first + k * step, k) for k in whole]
    return [(x, f"{round(x, places) + 0.0:,.{places}f}" if k else f"{first:g}") for x, k in at]  # + 0.0: no minus before nothing


def _step(rough: float) -> float:
    """The next round number: 1, 2, 2.5 or 5 times a power of ten."""
    base = 10.0 ** math.floor(math.log10(rough))
    return next(f * base for f in (1, 2, 2.5, 5, 10) if f * base >= rough * (1 - 1e-9))


def _ticked(found: Scale, ticks: Iterable[tuple[Any, str]]) -> Scale:
    placed = [(at, words) for value, words in ticks if (at := found.at(value)) is not None]
    low, high = sorted((found.start, found.end))
    kept = [(at, words) for at, words in placed if low - 0.5 <= at <= high + 0.5]
    return Scale(found.low, found.high, found.start, found.end, found.log, found.names, kept)
