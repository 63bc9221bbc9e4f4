"""What is counted of conditions: one row of counts for each class of the label. All of it is public but the counts themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fpmg_bench.errors import PrivacyError
from fpmg_bench.strata import edges
from fpmg_bench.types import TARGET

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import Cohort, Column

CELLS = (
    1024  # of the contingency table of the label, flags and categories at most; what does not fit is independent given the label
)
PAIRS = 15  # of numbers at most (six numbers); beyond, numbers are independent given the label, flags and categories
FINE = {False: 256, True: 8}  # equal parts of a number's range, without and under privacy: noise of empty parts adds up
COARSE = {False: 32, True: 4}  # where two conditions are counted together
LESS = 0.5  # of a record in a table of two conditions under privacy: there are many of them, and all share one clip


@dataclass(frozen=True, slots=True)
class Section:
    """Counts of one or two conditions, or of all joint ones: their positions (0 is the label) and the shape of the table.

    weight: what a record counts.
    """

    kind: Literal["cells", "alone", "number", "by", "pair"]
    of: tuple[int, ...]
    shape: tuple[int, ...]
    start: int
    weight: float

    @property
    def size(self) -> int:
        """Cells of the table."""
        return math.prod(self.shape)

    @property
    def part(self) -> slice:
        """Where it lies in a class's row."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True, slots=True)
class Layout:
    """columns: all conditions; joint, alone, numbers: positions; ranges: number -> low, high.

    The number that a label stands for is counted in parts of its stratum, so that what is drawn for a label lies in it.
    """

    columns: tuple[Column, ...]
    classes: int
    joint: tuple[int, ...]
    alone: tuple[int, ...]
    numbers: tuple[int, ...]
    ranges: dict[int, tuple[float, float]]
    private: bool

    @classmethod
    def of(cls, train: Cohort, *, private: bool) -> Layout:
        """Of a cohort's conditions. private: ranges must be declared (PrivacyError), as what patients have must not choose them."""
        columns = train.conditions
        numbers = (j for j, c in enumerate(columns) if j and c.type == "number")
        ranges = {j: _range(columns[j], None if private else train.condition[:, j]) for j in numbers}
        return cls.told(columns, len(train.classes), ranges, private=private)

    @classmethod
    def told(cls, columns: tuple[Column, ...], classes: int, ranges: dict[int, tuple[float, float]], *, private: bool) -> Layout:
        """Of conditions whose numbers have these ranges, by position; no patient is looked at."""
        return cls(columns, classes, *_fitting(columns, classes), tuple(ranges), ranges, private)

    @property
    def sections(self) -> list[Section]:
        """The tables of a class, in order. A record counts once in each at most."""
        found: list[Section] = []
        for kind, of, shape in self._tables():
            weight = LESS if self.private and kind in ("by", "pair") else 1.0
            found.append(Section(kind, of, shape, found[-1].part.stop if found else 0, weight))
        return found

    def _tables(self) -> Iterator[tuple[Literal["cells", "alone", "number", "by", "pair"], tuple[int, ...], tuple[int, ...]]]:
        fine, coarse = FINE[self.private], COARSE[self.private]
        if self.joint:
            yield "cells", self.joint, tuple(width(self.columns[j]) + 1 for j in self.joint)  # the last: unknown
        for j in self.alone:
            yield "alone", (j,), (width(self.columns[j]),)
        for j in self.numbers:
            yield "number", (j,), (fine,)
            for d in self.joint:
                yield "by", (j, d), (coarse, width(self.columns[d]))
        if self.correlated:
            for i, j in enumerate(self.numbers):
                for k in self.numbers[i + 1 :]:
                    yield "pair", (j, k), (coarse, coarse)

    @property
    def correlated(self) -> bool:
        """Are pairs of numbers counted?"""
        return len(self.numbers) > 1 and math.comb(len(self.numbers), 2) <= PAIRS

    @property
    def width(self) -> int:
        """Counts of a class."""
        sections = self.sections
        return sections[-1].part.stop if sections else 0

    @property
    def clip(self) -> float:
        """L2 norm of what a record counts at most."""
        return math.sqrt(sum(section.weight**2 for section in self.sections))

    def range(self, j: int, label: int) -> tuple[float, float]:
        """From where to where the numbers of a class may lie."""
        low, high = self.ranges[j]
        cut = j == TARGET and self.columns[0].stands_for == "number"
        return edges(self.columns[0], low, high)[label] if cut else (low, high)

    def said(self) -> dict[str, list[str]]:
        """What is drawn together, for trial.json."""
        named = {"joint": self.joint, "independent_given_label": self.alone, "numbers": self.numbers}
        apart = () if self.correlated or len(self.numbers) < 2 else self.numbers
        return {word: [self.columns[j].name for j in at] for word, at in (named | {"uncorrelated_numbers": apart}).items() if at}

    def counted(self, condition: Tensor) -> Tensor:
        """[n, classes * width] float64 of conditions [n, c]: in the label's row once for every table whose values are known."""
        import torch

        sections = self.sections
        rows = torch.zeros(len(condition), self.classes * self.width, dtype=torch.float64)
        values = condition.numpy()
        first = values[:, 0].astype(np.int64) * self.width
        for section in sections:
            cell, known = self._cell(section, values)
            at = np.flatnonzero(known)
            rows[torch.from_numpy(at), torch.from_numpy(first[at] + section.start + cell[at])] = section.weight
        return rows

    def exact(self, condition: NDArray[np.float64]) -> NDArray[np.float64]:
        """[classes, width]: the sum of `counted` over records, without its rows."""
        total = np.zeros((self.classes, self.width))
        label = condition[:, 0].astype(np.int64)
        for section in self.sections:
            cell, known = self._cell(section, condition)
            np.add.at(total, (label[known], section.start + cell[known]), section.weight)
        return total

    def _cell(self, section: Section, values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Flat index in the section's table [n], and whether all its values are known [n]."""
        parts, known = [], np.ones(len(values), bool)
        for j, size in zip(section.of, section.shape, strict=True):
            missing = np.isnan(values[:, j])
            filled = np.where(missing, 0.0, values[:, j])
            if j in self.ranges:
                low, high = self._bounds(j, values[:, 0])
                parts.append(((filled - low) / (high - low) * size).clip(0, size - 1).astype(np.int64))
            else:
                parts.append(np.where(missing & (section.kind == "cells"), size - 1, filled.astype(np.int64)))
            known &= ~missing | (section.kind == "cells")
        cell: NDArray[np.int64] = np.ravel_multi_index(parts, section.shape)
        return cell, known

    def _bounds(self, j: int, label: NDArray[np.float64]) -> tuple[Any, Any]:
        """The ends of a number's range, of each record [n] where they follow its label."""
        if self.range(j, 0) == self.ranges[j]:
            return self.ranges[j]
        ends = np.array([self.range(j, c) for c in range(self.classes)])[label.astype(np.int64)]
        return ends[:, 0], ends[:, 1]


def width(column: Column) -> int:
    """Values of a flag or category."""
    return 2 if column.type == "flag" else column.width


def _fitting(columns: tuple[Column, ...], classes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Flags and categories that fit into one contingency table with the label, in order; and those that do not."""
    joint: list[int] = []
    alone: list[int] = []
    cells = classes
    for j, column in enumerate(columns):
        if j and column.type != "number":
            fits = cells * (width(column) + 1) <= CELLS
            cells *= width(column) + 1 if fits else 1
            (joint if fits else alone).append(j)
    return tuple(joint), tuple(alone)


def _range(column: Column, values: NDArray[np.float64] | None) -> tuple[float, float]:
    """Declared, else from the values where they may tell."""
    low, high = column.low, column.high
    if values is None:
        if low is None or high is None or high <= low:
            raise PrivacyError(f"condition '{column.name}' has no declared range", "declare its low and high, or leave it out")
        return low, high
    known = values[~np.isnan(values)]
    low = low if low is not None else float(known.min(initial=math.inf)) if len(known) else 0.0
    high = high if high is not None else float(known.max(initial=-math.inf)) if len(known) else 1.0
    return (low, high) if high > low else (low, low + 1e-9 * max(1.0, abs(low)))
