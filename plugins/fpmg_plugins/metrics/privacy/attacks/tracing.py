"""Tracing: which of the candidates explain the sums that a release or a model gives away?

A model's class means and covariance are averages over its training patients, so each of them is in these averages with the same
weight and nobody else is. Homer et al. 2008 and Dwork, Smith, Steinke, Ullman and Vadhan 2015 ("Robust traceability from trace
amounts") ask for every candidate alone how far the averages lean its way. Here all candidates are asked at once: the averages,
less those of all candidates, are written as a combination of what the candidates would add, by ridge regression. A candidate's share
in it is the score. Members and non-members are treated alike, and no reference set is needed: where the averages are of other
people, shares are exchangeable, and the attack guesses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

AXES = 128  # principal axes of the candidates that are looked along, at most
RARE = 1e-3  # of the mean variance, added to each: a column that hardly ever moves must not drown the others
STEPS, CLOSE = 60, 1e-3  # of conjugate gradients, at most; and the relative residual at which they end


@dataclass(frozen=True, slots=True)
class Look:
    """How closely to look. floor: variance, of a column's own, below which an axis counts less and less; pairs: weight of products

    of two columns beside single ones; ridge: in units of a candidate's mean square.
    """

    floor: float
    pairs: float
    ridge: float


LOOKS = {"fine": Look(0.01, 0.3, 0.3), "middle": Look(0.1, 0.1, 1.0), "coarse": Look(1.0, 0.1, 1.0)}


@dataclass(frozen=True, slots=True)
class Points:
    """Records: x [n, d], NaN where a modality is absent; label [n]; patient [n]."""

    x: Floats
    label: NDArray[np.int64]
    patient: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frame:
    """Coordinates in which candidates are compared. mean [classes, d], unit [d], axes [d, e] of variance spread [e];

    at [n, e]: the candidates there.
    """

    mean: Floats
    unit: Floats
    axes: Floats
    spread: Floats
    at: Floats

    @classmethod
    def of(cls, candidates: Points, classes: int) -> Frame:
        """Classes centred, columns divided by their spread within classes, each patient counting once."""
        weight = _whole(1 / _records(candidates.patient))
        mean = class_means(candidates.x, candidates.label, weight, classes)
        own = np.nan_to_num(candidates.x - mean[candidates.label])
        variance = weight @ own**2
        unit = np.sqrt(variance + RARE * (variance.mean() or 1.0))
        own /= unit
        spread, axes = np.linalg.eigh((own * weight[:, None]).T @ own)
        spread, axes = np.maximum(spread[-AXES:], 0), axes[:, -AXES:]
        return cls(mean, unit, axes, spread, own @ axes)

    def __call__(self, points: Points) -> Floats:
        """[m, e] of others."""
        coordinates: Floats = (np.nan_to_num(points.x - self.mean[points.label]) / self.unit) @ self.axes
        return coordinates


def traced(candidates: Points, frame: Frame, released: Points, look: Look) -> Floats:
    """Each candidate record's share [n] in the class means and covariance of what was released: that of its patient."""
    scale = 1 / np.sqrt(frame.spread + look.floor)
    y, made, label = (frame.at * scale).astype(np.float32), frame(released) * scale, candidates.label
    classes = len(frame.mean)
    weight = _whole(1 / _records(candidates.patient))
    share = np.maximum(np.bincount(label, weights=weight, minlength=classes), 1e-9)
    means = np.stack([made[released.label == c].mean(0) if (released.label == c).any() else 0 * y[0] for c in range(classes)])
    as_here = _whole((share / np.maximum(np.bincount(released.label, minlength=classes), 1))[released.label])
    apart = (made * as_here[:, None]).T @ made - (y * weight[:, None]).T @ y
    of = [np.flatnonzero(label == c) for c in range(classes)]

    def alike(q: Floats) -> Floats:
        """Inner products of all records' sums with the sum over records weighted by q."""
        weighed = y * q.astype(np.float32)[:, None]
        single = np.stack([weighed[rows].sum(0) for rows in of]) / share[:, None]
        both: Floats = np.einsum("ij,ij->i", y @ (look.pairs * (weighed.T @ y)) + single.astype(np.float32)[label], y)
        return both

    leans = np.einsum("ij,ij->i", y, means[label]) + look.pairs * np.einsum("ij,ij->i", y @ apart, y)
    square = np.einsum("ij,ij->i", y, y)
    return shares(candidates.patient, leans, alike, square / share[label] + look.pairs * square**2, look.ridge)


def shares(patient: NDArray[np.int64], leans: Floats, alike: Callable[[Floats], Floats], own: Floats, ridge: float) -> Floats:
    """Ridge regression of the averages on the candidates: the share [n] of each record's patient, whose records count as one.

    leans [n]: inner product of each record with the averages; alike: those of all records with a weighted sum of them; own [n]: with
    itself.
    """
    people, inverse = np.unique(patient, return_inverse=True)
    once = 1 / np.bincount(inverse)[inverse]

    def by_patient(value: Floats) -> Floats:
        total = np.bincount(inverse, weights=value * once, minlength=len(people))
        centred: Floats = total - total.mean()
        return centred

    damping = ridge * float(np.bincount(inverse, weights=own * once, minlength=len(people)).mean())
    if not damping > 0:  # all records are the same: nobody's can be told
        return np.zeros(len(patient))
    found = solved(lambda v: by_patient(alike((v - v.mean())[inverse] * once)) + damping * v, by_patient(leans))
    return found[inverse]


def solved(times: Callable[[Floats], Floats], right: Floats) -> Floats:
    """x with A x = right, A symmetric and positive, given by its product with a vector: conjugate gradients (Hestenes and Stiefel 1952)."""
    x, left = np.zeros_like(right), right.copy()
    along, square = left.copy(), float(right @ right)
    enough = CLOSE**2 * square
    for _ in range(STEPS):
        if square <= enough:
            break
        moved = times(along)
        step = square / float(along @ moved)
        x, left = x + step * along, left - step * moved
        square, before = float(left @ left), square
        along = left + square / before * along
    return x


def class_means(x: Floats, label: NDArray[np.int64], weight: Floats, classes: int) -> Floats:
    """[classes, d] over the records that have a column; that of everybody where a class has none, 0 where nobody has."""
    there = ~np.isnan(x) * weight[:, None]
    value = np.nan_to_num(x) * weight[:, None]
    overall = value.sum(0) / np.maximum(there.sum(0), 1e-12)
    return np.stack([_mean(value[label == c].sum(0), there[label == c].sum(0), overall) for c in range(classes)])


def _mean(total: Floats, n: Floats, otherwise: Floats) -> Floats:
    return np.where(n > 0, total / np.maximum(n, 1e-12), otherwise)


def _records(patient: NDArray[np.int64]) -> Floats:
    """How many records the patient of each has [n]."""
    _, inverse, count = np.unique(patient, return_inverse=True, return_counts=True)
    records: Floats = count[inverse].astype(np.float64)
    return records


def _whole(weight: Floats) -> Floats:
    """Summing to 1."""
    return np.asarray(weight / weight.sum())
