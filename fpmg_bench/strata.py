"""Strata of a number that is a label: which of the public cut points it lies between. They stand wherever a cohort's classes do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from fpmg_bench.types import TARGET, Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARTS = 5  # of the declared range, where no cuts are declared
EVERYBODY = "patients"  # the one class of a cohort without a label


def fifths(low: float, high: float) -> tuple[float, ...]:
    """The cut points between equal parts of a declared range."""
    return tuple(low + (high - low) * i / PARTS for i in range(1, PARTS))


def label_of(number: Column, cuts: Sequence[float]) -> Column:
    """The label that stands for a number: a category for each stratum; a value at a cut is of the upper one."""
    return Column(f"{number.name} by cuts", "category", _names(cuts), stands_for="number", cuts=tuple(cuts))


def no_label() -> Column:
    """The label of a cohort that has none: everybody is of one class."""
    return Column("no label", "category", (EVERYBODY,))


def stratum(values: NDArray[np.float64], cuts: Sequence[float]) -> NDArray[np.float64]:
    """Index of each value's stratum [n], NaN where the value is unknown."""
    import numpy as np

    found = np.searchsorted(np.asarray(cuts, dtype=np.float64), values, side="right").astype(np.float64)
    return np.where(np.isnan(values), np.nan, found)


def edges(label: Column, low: float, high: float) -> tuple[tuple[float, float], ...]:
    """(from, to) of every stratum within a number's range."""
    return tuple(pairwise((low, *label.cuts, high)))


def inside(label: Column, number: Column, low: float, high: float, index: int) -> tuple[float, float]:
    """The smallest and the largest value of a stratum, multiples of the number's step where it has one."""
    first, last = edges(label, low, high)[index]
    if index == len(label.cuts):
        top = last
    elif number.step:
        top = (math.ceil(last / number.step - 1e-9) - 1) * number.step
    else:
        top = math.nextafter(last, first)
    return (max(math.ceil(first / number.step - 1e-9) * number.step, first) if number.step and index else first), top


def consistent(conditions: Sequence[Column], condition: NDArray[np.float64]) -> NDArray[np.float64]:
    """Conditions [n, c] whose labels were changed: where a number is not of its stratum any more it is the stratum's middle."""
    import numpy as np

    label = conditions[0]
    if label.stands_for != "number":
        return condition
    number, made = conditions[TARGET], condition.copy()
    middles = np.array([_middle(label, number, index) for index in range(len(label.categories))])
    off = stratum(condition[:, TARGET], label.cuts) != condition[:, 0]
    made[off, TARGET] = middles[condition[off, 0].astype(int)]
    return made


def _middle(label: Column, number: Column, index: int) -> float:
    low = number.low if number.low is not None else label.cuts[0]
    high = number.high if number.high is not None else label.cuts[-1]
    first, last = inside(label, number, low, high, index)
    middle = (first + last) / 2
    return min(max(round(middle / number.step) * number.step, first), last) if number.step else middle


def _names(cuts: Sequence[float]) -> tuple[str, ...]:
    words = [f"{cut:g}" for cut in cuts]
    words = words if len(set(words)) == len(words) else [repr(float(cut)) for cut in cuts]
    return (f"below {words[0]}", *(f"{low} to {high}" for low, high in pairwise(words)), f"from {words[-1]}")
