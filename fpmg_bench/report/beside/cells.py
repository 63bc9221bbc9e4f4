"""The gate: real values become cells that at least LEAST patients share, and nothing else of them goes on.

Edges lie on a round grid (1, 2 or 5 times a power of ten), cells at both ends are open, cells of fewer patients are merged with a
neighbour, rare categories with others. What is drawn is computed of the cells' numbers alone: shares, correlations, means of the cells'
middles. A patient weighs as much as any other, however many records they have. A least number of patients is no differential privacy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LEAST = 10  # patients a cell
GRID = 16  # steps of the grid between the ends, about
TAIL = 0.02  # of the patients at least that lie in an open end before cells are merged
TOP = 10  # categories by name
FEW_LEVELS = 3  # a correlation of two quantities of so few cells tells the cells of their table


@dataclass(frozen=True, slots=True)
class Cells:
    """How a quantity is cut. edges: between cells of a number, rising, whose first and last cell are open; empty for categories.

    groups: the category indices of each cell. labels: the cells in words. step: of the grid, the width at which open ends are drawn.
    merged: how many cells or categories were joined with another because too few patients were in them.
    """

    edges: tuple[float, ...]
    groups: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    step: float
    merged: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def ends(self) -> tuple[float, ...]:
        """Edges with the ends at which the open cells are drawn."""
        return (self.edges[0] - self.step, *self.edges, self.edges[-1] + self.step)

    @property
    def middles(self) -> Floats:
        ends = np.array(self.ends)
        return np.asarray((ends[1:] + ends[:-1]) / 2, dtype=np.float64)

    def codes(self, values: Floats) -> Ints:
        """The cell of each value [n]; -1 not measured."""
        known = np.isfinite(values)
        if self.edges:
            found = np.searchsorted(np.array(self.edges), np.where(known, values, 0.0), side="right")
        else:
            place = np.zeros(1 + max(max(group) for group in self.groups), np.int64)
            for at, group in enumerate(self.groups):
                place[list(group)] = at
            found = place[np.where(known, values, 0.0).astype(np.int64)]
        return np.where(known, found, -1).astype(np.int64)


def cut(real: Floats, patient: Ints, synthetic: Sequence[Floats], step: float = 0.0) -> Cells | None:
    """Cells of a number. real, patient [n]; step: its rounding. None: not two cells of enough patients.

    Synthetic values widen the grid, but never make a cell of fewer real patients.
    """
    known = np.isfinite(real)
    real, patient = real[known], patient[known]
    span = _inner(real, patient)
    if span is None:
        return None
    others = [np.quantile(v, (0.01, 0.99)) for each in synthetic if len(v := each[np.isfinite(each)])]
    low, high = min([span[0], *(o[0] for o in others)]), max([span[1], *(o[1] for o in others)])
    width = max(_round_step((high - low) / GRID), step) or 1.0
    shift = width / 2 if step and width == step else 0.0  # whole numbers lie in the middle of their cells
    grid = width * np.arange(np.floor(low / width), np.floor(high / width) + 2) - shift
    edges = [round(float(edge), 10) for edge in grid]
    kept = _merged(np.searchsorted(np.array(edges), real, side="right"), patient, len(edges) + 1)
    inner = tuple(edges[i - 1] for i in kept)
    return Cells(inner, (), _ranges(inner), float(width), len(edges) - len(inner)) if inner else None


def group(real: Floats, patient: Ints, names: Sequence[str]) -> Cells | None:
    """Cells of a category: those of enough patients, the others joined. None: not two of them."""
    counts = np.array([_patients(patient[real == i]) for i in range(len(names))], dtype=np.int64)
    order = np.argsort(-counts, kind="stable")
    kept = [int(i) for i in order[:TOP] if counts[i] >= LEAST]
    rest = [int(i) for i in order if int(i) not in kept]
    while rest and kept and _patients(patient[np.isin(real, rest)]) < LEAST:
        rest = [kept.pop(), *rest]
    cells = [(i,) for i in sorted(kept)] + ([tuple(sorted(rest))] if rest else [])
    if len(cells) < 2:
        return None
    labels = tuple(_joint([names[i] for i in cell if counts[i] >= LEAST], len(cell)) for cell in cells)
    return Cells((), tuple(cells), labels, 1.0, max(len(rest) - 1, 0))


def _joint(common: Sequence[str], of: int) -> str:
    """A name of a category that few patients have is not said: it may have been read from them."""
    rare = of - len(common)
    said = " or ".join(common[:3]) + (f" or {len(common) - 3} more" if len(common) > 3 else "")
    return said if not rare else f"{said} or {rare} rarer" if common else f"{rare} rarer"


def shares(codes: Ints, patient: Ints, cells: int) -> Floats:
    """Share of the patients that were measured in each cell; a patient's records share a weight of 1."""
    known = codes >= 0
    if not known.any():
        return np.zeros(cells)
    weight = weights(patient[known])
    found = np.bincount(codes[known], weights=weight, minlength=cells)
    return np.asarray(found / weight.sum(), dtype=np.float64)


def unmeasured(codes: Ints, patient: Ints) -> float | None:
    """Share of the patients without the quantity; None where fewer than LEAST lack it, or have it."""
    lacking = len(np.setdiff1d(patient, patient[codes >= 0]))
    n = _patients(patient)
    return lacking / n if lacking >= LEAST and n - lacking >= LEAST else None


def correlated(real: Sequence[Ints], patient: Ints) -> Floats:
    """Correlations [k, k] of the cells' numbers; NaN where too few patients have both, or the table of both has a cell of too few."""
    found = correlations(real, patient)
    for i in range(len(real)):
        for j in range(i):
            both = (real[i] >= 0) & (real[j] >= 0)
            a, b, who = real[i][both], real[j][both], patient[both]
            if _patients(who) < LEAST or not _told_apart(a, b, who):
                found[i, j] = found[j, i] = np.nan
    return found


def correlations(codes: Sequence[Ints], patient: Ints) -> Floats:
    """Pearson's of the cells' numbers, over the records that have both, rounded; NaN where one is constant."""
    weight = weights(patient)[:, None]
    there = (np.stack(codes, 1) >= 0).astype(np.float64)
    x = np.where(there > 0, np.stack(codes, 1), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        n = (weight * there).T @ there
        mean = (weight * x).T @ there / n  # [i, j]: mean of i where j is known, too
        square = (weight * x**2).T @ there / n - mean**2
        cross = (weight * x).T @ x / n - mean * mean.T
        found = cross / np.sqrt(square * square.T)
    found[~np.isfinite(found) | (square < 1e-9) | (square.T < 1e-9)] = np.nan
    return np.asarray(np.round(np.clip(found, -1, 1), 2), dtype=np.float64)


def counted(cell: Ints, patient: Ints, cells: int) -> Ints:
    """Patients in each cell [cells], 0 where they are fewer than LEAST."""
    pairs = np.unique(np.stack([cell, patient], 1), axis=0)
    found = np.bincount(pairs[:, 0], minlength=cells)
    return np.where(found >= LEAST, found, 0)


def weights(patient: Ints) -> Floats:
    """1 over the number of a patient's records, record by record."""
    _, inverse, times = np.unique(patient, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / times[inverse], dtype=np.float64)


def _told_apart(a: Ints, b: Ints, patient: Ints) -> bool:
    """Whether a correlation of these tells of no cell with too few patients."""
    rows, columns = np.unique(a), np.unique(b)
    if max(len(rows), len(columns)) > FEW_LEVELS:
        return True
    return min(_patients(patient[(a == i) & (b == j)]) for i in rows for j in columns) >= LEAST


def _inner(values: Floats, patient: Ints) -> tuple[float, float] | None:
    """Values beyond which enough patients lie, at either end."""
    n = _patients(patient)
    if n < 2 * LEAST:
        return None
    k = max(LEAST, int(np.ceil(TAIL * n)))
    order = np.argsort(values, kind="stable")
    low = _kth(values[order], patient[order], k)
    high = _kth(values[order[::-1]], patient[order[::-1]], k)
    return (low, high) if low <= high else (high, low)


def _kth(values: Floats, patient: Ints, k: int) -> float:
    """The value at which the k-th different patient appears."""
    _, first = np.unique(patient, return_index=True)
    return float(values[np.sort(first)[k - 1]])


def _merged(cell: Ints, patient: Ints, cells: int) -> list[int]:
    """Edges that stay, as the numbers of the cells that begin there: every cell between two of them has enough patients."""
    kept: list[int] = []
    inside: set[int] = set()
    for i in range(cells):
        if len(inside) >= LEAST:
            kept.append(i)
            inside = set()
        inside |= set(patient[cell == i].tolist())
    while kept and len(set(patient[cell >= kept[-1]].tolist())) < LEAST:
        kept.pop()
    return kept


def _round_step(width: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    if width <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= width * (1 - 1e-9)))


def _ranges(edges: Sequence[float]) -> tuple[str, ...]:
    said = [f"{edge:.6g}" for edge in edges]
    inner = [f"{a} to {b}" for a, b in pairwise(said)]
    return (f"below {said[0]}", *inner, f"{said[-1]} or more")


def _patients(patient: Ints) -> int:
    return len(np.unique(patient))
