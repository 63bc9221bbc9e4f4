"""How the report says numbers: few digits, a unit, and words for what is not a number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from fpmg_bench.document.words import plural as plural  # noqa: PLC0414 - exported from here too

MISSING = "–"
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")


def number(value: Any, digits: int = 3) -> str:
    """Three decimals below ten, fewer above, powers of ten at the far ends; "∞" and "–" in words' stead."""
    x = as_float(value)
    if x is None:
        return MISSING
    if math.isinf(x):
        return "∞" if x > 0 else "-∞"
    size = abs(x)
    if size < 1e-12:  # what is left of 0 after rounding
        return "0"
    if size and (size < 10**-digits or size >= 1e6):
        return f"{x:.1e}".replace("e-0", "e-").replace("e+0", "e")
    places = digits if size < 10 else max(0, digits - 2) if size < 100 else 0
    return f"{x:,.{places}f}"


def count(value: Any) -> str:
    """A whole number with thousands separated."""
    x = as_float(value)
    return MISSING if x is None else f"{x:,.0f}"


def byte_size(value: Any) -> str:
    """Decimal units, as network bills are written: 1.6 GB is 1.6e9 bytes."""
    x = as_float(value)
    if x is None:
        return MISSING
    for unit in _BYTES:
        if abs(x) < 1000 or unit == _BYTES[-1]:
            return f"{x:.0f}\u00a0{unit}" if unit == "B" else f"{x:.3g}\u00a0{unit}"
        x /= 1000
    raise AssertionError("the last unit always returns")


def duration(value: Any) -> str:
    """Seconds as "0.4 s", "42 s", "3 min 05 s" or "2 h 10 min"."""
    x = as_float(value)
    if x is None:
        return MISSING
    if x < 60:
        return f"{x:.1f}\u00a0s" if x < 10 else f"{x:.0f}\u00a0s"
    minutes, seconds = divmod(round(x), 60)
    if minutes < 60:
        return f"{minutes}\u00a0min\u00a0{seconds:02d}\u00a0s"
    return f"{minutes // 60}\u00a0h\u00a0{minutes % 60:02d}\u00a0min"


def percent(value: Any, digits: int = 0) -> str:
    """A share in [0, 1] as a percentage."""
    x = as_float(value)
    return MISSING if x is None else f"{100 * x:.{digits}f}\u00a0%"


def times(value: Any) -> str:
    """A ratio: "0.02 x", "231 x"."""
    x = as_float(value)
    return MISSING if x is None else f"{x:,.0f}\u00a0×" if x >= 10 else f"{x:.2g}\u00a0×"


def span(low: Any, high: Any, say: Any = number) -> str:
    """An interval in brackets; empty where there is none, or where both ends are written alike."""
    if as_float(low) is None or as_float(high) is None or say(low) == say(high):
        return ""
    return f"[{say(low)},\u00a0{say(high)}]"


def as_float(value: Any) -> float | None:
    """The number, or None for None, NaN and text that is no number ("inf" is one)."""
    if value is None or isinstance(value, bool):
        return None
    try:
        x = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(x) else x


def listing(words: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    names = list(words)
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def first(words: Sequence[str], most: int = 3) -> str:
    """ "a, b and c and 5 more": no more than `most` by name."""
    return listing(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def slug(*parts: str) -> str:
    """A stable HTML id."""
    joined = "-".join(parts).lower()
    return "-".join("".join(c if c.isalnum() and c.isascii() else " " for c in joined).split()) or "x"
