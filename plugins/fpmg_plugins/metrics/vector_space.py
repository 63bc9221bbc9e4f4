"""A method's own vectors as points that can be compared: shared blocks of like scale, labels matched, energy distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics import balls
from fpmg_plugins.metrics.distances import some

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

LEAST = 50  # records of each kind
PAIRED_ROWS = 800  # records among which mean distances are taken, as in phi


@dataclass(frozen=True, slots=True)
class Vectors:
    """z [n, d] of records, blocks: modality -> its columns, present: modality -> [n], label [n], patient [n]."""

    z: Floats
    blocks: Mapping[str, slice]
    present: Mapping[str, NDArray[np.bool_]]
    label: NDArray[np.int64]
    patient: NDArray[np.int64]

    @classmethod
    def of(cls, evidence: Evidence, cohort: Cohort, z: Floats) -> Vectors:
        """A cohort's records as a silo's encoders see them; blocks in the order of the encoders."""
        ends = np.cumsum(list(evidence.widths.values())).tolist()
        blocks = {name: slice(end - width, end) for (name, width), end in zip(evidence.widths.items(), ends, strict=True)}
        return cls(z, blocks, {name: cohort.present[name] for name in blocks}, cohort.label, cohort.patient)

    def __len__(self) -> int:
        return len(self.z)

    def take(self, rows: NDArray[np.intp]) -> Vectors:
        """The records at these positions."""
        present = {name: mask[rows] for name, mask in self.present.items()}
        return Vectors(self.z[rows], self.blocks, present, self.label[rows], self.patient[rows])

    def complete(self, names: Sequence[str]) -> Vectors:
        """The records that have all of these modalities. Raises NotApplicable where these are too few."""
        rows = np.flatnonzero(np.all([self.present[name] for name in names], axis=0)) if names else np.arange(0)
        if len(rows) < LEAST:
            what = " and ".join(names) or "any modality that the release and held-out patients share"
            raise NotApplicable(f"{len(rows)} of {len(self)} records have {what}; {LEAST} are needed")
        return self.take(rows)


@dataclass(frozen=True, slots=True)
class Frame:
    """Coordinates in which some blocks count alike: each less its mean, over its scale; names: which blocks, in order."""

    names: tuple[str, ...]
    centre: Mapping[str, Floats]
    scale: Mapping[str, float]

    @classmethod
    def of(cls, real: Vectors, names: Sequence[str]) -> Frame:
        """Fitted on these records: the mean distance of two of them is 1 in every block, then 1 in all of them together."""
        rows = np.linspace(0, len(real) - 1, min(len(real), PAIRED_ROWS)).astype(int)
        parts = {name: real.z[:, real.blocks[name]].astype(np.float64) for name in names}
        centre = {name: part.mean(0) for name, part in parts.items()}
        each = {name: _mean_distance(part[rows]) or 1.0 for name, part in parts.items()}
        whole = _mean_distance(np.concatenate([part[rows] / each[name] for name, part in parts.items()], 1)) or 1.0
        return cls(tuple(names), centre, {name: scale * whole for name, scale in each.items()})

    def __call__(self, vectors: Vectors) -> Floats:
        """Points [n, d] float64."""
        z = vectors.z.astype(np.float64)
        parts = [(z[:, vectors.blocks[name]] - self.centre[name]) / self.scale[name] for name in self.names]
        return np.concatenate(parts, 1)


def matched(one: Vectors, two: Vectors, rows: int, rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """As many of both, class by class: the smaller number of the two, at most `rows` together; chosen at random, ascending.

    Raises NotApplicable where that leaves too few.
    """
    classes = np.intersect1d(one.label, two.label)
    counts = np.array([min((one.label == c).sum(), (two.label == c).sum()) for c in classes], int)
    sizes = np.floor(counts * min(1.0, rows / max(counts.sum(), 1))).astype(int)
    if sizes.sum() < LEAST:
        raise NotApplicable(f"{sizes.sum()} records of classes that both sides have; {LEAST} are needed")
    chosen = [np.concatenate([_of_class(v.label == c, k, rng) for c, k in zip(classes, sizes, strict=True)]) for v in (one, two)]
    return one.take(chosen[0]), two.take(chosen[1])


def _of_class(mask: NDArray[np.bool_], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    rows = np.flatnonzero(mask)
    return rows[some(len(rows), size, rng)]


def energy(x: Floats, y: Floats, who_x: NDArray[np.int64], who_y: NDArray[np.int64]) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'| of points [n, d] and [m, d], over pairs of different patients, in chunks.

    Unbiased: the U-statistic of Szekely and Rizzo 2013, whose mean is 0 for two samples of one distribution.
    """
    return 2 * _mean_apart(x, y, who_x, who_y) - _mean_apart(x, x, who_x, who_x) - _mean_apart(y, y, who_y, who_y)


def _mean_apart(x: Floats, y: Floats, who_x: NDArray[np.int64], who_y: NDArray[np.int64]) -> float:
    """Mean distance over the pairs that are not of one patient; 0 where there is none."""
    total, pairs = 0.0, 0
    for rows, squares in balls.squared(x, y):
        apart = who_x[rows, None] != who_y
        total += float(np.sqrt(squares, out=squares)[apart].sum())
        pairs += int(apart.sum())
    return total / max(pairs, 1)


def _mean_distance(x: Floats) -> float:
    from scipy.spatial.distance import pdist

    return float(pdist(x).mean()) if len(x) > 1 else 0.0
