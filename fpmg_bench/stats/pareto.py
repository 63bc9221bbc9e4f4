"""The Pareto front instead of one weighted score."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto(points: Sequence[Sequence[float]], higher_is_better: Sequence[bool]) -> list[bool]:
    """For each point whether no other is at least as good everywhere and better somewhere.

    A point with a missing (NaN) coordinate is not on the front and dominates nothing. Equal points share the front.
    """
    signed = [[value if up else -value for value, up in zip(point, higher_is_better, strict=True)] for point in points]
    whole = [not any(math.isnan(value) for value in point) for point in signed]
    return [
        ok and not any(other_ok and _dominates(other, point) for other, other_ok in zip(signed, whole, strict=True))
        for point, ok in zip(signed, whole, strict=True)
    ]


def _dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x >= y for x, y in zip(a, b, strict=True)) and any(x > y for x, y in zip(a, b, strict=True))
