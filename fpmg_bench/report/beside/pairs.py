"""Real patients and releases in the same cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.report.beside.cells import Cells, cut, group
from fpmg_bench.report.beside.values import Values, values
from fpmg_bench.report.blocks import Key
from fpmg_bench.report.drawing.palette import Style
from fpmg_bench.report.patients.samples import REAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Cohort

    Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Made:
    """One method's release."""

    name: str
    style: Style
    records: Cohort


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured thing as the cells' numbers: of real records [n], and of each release that has it, by its position; -1 not measured."""

    title: str
    unit: str
    cells: Cells
    real: Ints
    made: Mapping[int, Ints]
    of_all: bool

    @property
    def ordered(self) -> bool:
        """Whether a cell's number means more or less: of numbers, and of two categories."""
        return bool(self.cells.edges) or len(self.cells) == 2


@dataclass(frozen=True, slots=True)
class Pair:
    """A cohort and the releases beside it. undrawn: quantities without two cells of enough patients."""

    real: Cohort
    made: Sequence[Made]
    quantities: Sequence[Quantity]
    undrawn: Sequence[str]

    @property
    def keys(self) -> list[Key]:
        return [Key("real patients", REAL), *(Key(each.name, each.style.swatch) for each in self.made)]


def pair(real: Cohort, made: Sequence[Made]) -> Pair:
    """In the order of the cohort's quantities."""
    theirs = [{each.title: each for each in values(one.records)} for one in made]
    found: list[Quantity] = []
    undrawn: list[str] = []
    for mine in values(real):
        same = {i: v for i, known in enumerate(theirs) if (v := known.get(mine.title)) is not None and v.names == mine.names}
        cells = _cells(mine, real.patient, list(same.values()))
        if cells is None:
            undrawn.append(mine.title)
            continue
        codes = {i: cells.codes(each.found) for i, each in same.items()}
        found.append(Quantity(mine.title, mine.unit, cells, cells.codes(mine.found), codes, mine.of_all))
    return Pair(real, made, found, undrawn)


def _cells(mine: Values, patient: Ints, theirs: Sequence[Values]) -> Cells | None:
    if mine.names:
        return group(mine.found, patient, mine.names)
    return cut(mine.found, patient, [each.found for each in theirs], mine.step)
