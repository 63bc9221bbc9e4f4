"""Phenotypes of the phantom: points of a plane whose law no Gaussian has, and conditions that depend on each other."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Shape = Literal["gaussian", "ring", "moons", "rare-mixture"]
TIED = 0.85  # how much the density on the ring follows the class: three lobes, of which means and covariances know nothing
SEVERITY = ((2.4, 3.2), (3.0, 2.5), (2.8, 2.8))  # Beta(a, b) in each class: nearer to each other than those of "gaussian"
# of "rare-mixture": share, angle in turns and distance from the middle of each mode
MODES = ((0.34, 0.0, 0.9), (0.24, 1 / 3, 0.9), (0.16, 2 / 3, 0.9), (0.12, 0.0, 0.0), (0.07, 1 / 6, 0.9), (0.05, 1 / 2, 0.9), (0.02, 5 / 6, 0.9))  # fmt: skip
ODD = 0.6  # classes prefer every other mode by that share
MOON = (0.25, 0.75, 0.5)  # share of each class in the second moon
MARKER = ((0.24, 0.06), (0.74, 0.08))  # mean and standard deviation of its two modes
HIGH = (0.35, 0.6, 0.5)  # share of each class in the upper one


@dataclass(frozen=True, slots=True)
class Phenotype:
    """What patients of a shape have besides the latents of all: u, v in the plane (about -1 to 1); marker in two modes, 0 to 1;

    asthma; fibrosis, which follows class and marker: neither independent of the other given the class.
    """

    u: Floats
    v: Floats
    marker: Floats
    asthma: NDArray[np.bool_]
    fibrosis: NDArray[np.bool_]

    def take(self, rows: NDArray[np.intp]) -> Phenotype:
        """Those of these rows."""
        return Phenotype(*(getattr(self, field.name)[rows] for field in fields(self)))


def draw(shape: Shape, rng: np.random.Generator, label: NDArray[np.int64], classes: int, *, apart: bool) -> Phenotype:
    """Phenotypes given the classes [n]. apart: asthma and fibrosis never occur together, both are rejected and drawn again."""
    u, v = {"ring": _ring, "moons": _moons, "rare-mixture": _mixture}[shape](rng, label, classes)
    high = rng.random(len(label)) < np.asarray(HIGH)[label]
    mean, spread = np.asarray(MARKER)[high.astype(int)].T
    marker = np.clip(rng.normal(mean, spread), 0.0, 1.0)
    likely = 1 / (1 + np.exp(-(-2.2 + 0.9 * (label > 0) + 4.5 * (marker - 0.5))))
    asthma, fibrosis = np.zeros(len(label), bool), np.zeros(len(label), bool)
    left = np.arange(len(label))
    while len(left):
        asthma[left] = rng.random(len(left)) < 0.3
        fibrosis[left] = rng.random(len(left)) < likely[left]
        left = left[asthma[left] & fibrosis[left]] if apart else left[:0]
    return Phenotype(u, v, marker, asthma, fibrosis)


def _ring(rng: np.random.Generator, label: NDArray[np.int64], classes: int) -> tuple[Floats, Floats]:
    """Angle with density 1 + TIED cos(3 angle - 2 pi y / classes), by rejection; radius 1 +- .07."""
    angle, left = np.zeros(len(label)), np.arange(len(label))
    while len(left):
        angle[left] = rng.uniform(0, 2 * np.pi, len(left))
        density = 1 + TIED * np.cos(3 * angle[left] - 2 * np.pi * label[left] / classes)
        left = left[rng.random(len(left)) * (1 + TIED) >= density]
    radius = rng.normal(1.0, 0.07, len(label))
    return radius * np.cos(angle), radius * np.sin(angle)


def _moons(rng: np.random.Generator, label: NDArray[np.int64], classes: int) -> tuple[Floats, Floats]:
    """Two half circles that reach into each other (as scikit-learn's), about the middle; noise .07."""
    second = rng.random(len(label)) < np.asarray(MOON)[label]
    angle = rng.uniform(0, np.pi, len(label))
    u = np.where(second, 1 - np.cos(angle), np.cos(angle)) - 0.5
    v = np.where(second, 0.5 - np.sin(angle), np.sin(angle)) - 0.25
    return 0.8 * (u + rng.normal(0, 0.07, len(u))), 1.2 * (v + rng.normal(0, 0.07, len(v)))


def _mixture(rng: np.random.Generator, label: NDArray[np.int64], classes: int) -> tuple[Floats, Floats]:
    """Seven modes of 34 to 2 %, standard deviation .08; every class has all of them, in other shares."""
    share, turn, distance = np.asarray(MODES).T
    sign = np.where((np.arange(len(MODES))[None, :] + np.arange(classes)[:, None]) % 2, 1 - ODD, 1 + ODD)
    given = np.cumsum(share * sign / (share * sign).sum(axis=1, keepdims=True), axis=1)
    mode = np.minimum((rng.random(len(label))[:, None] > given[label]).sum(axis=1), len(MODES) - 1)
    at = distance[mode] * np.exp(2j * np.pi * turn[mode])
    return at.real + rng.normal(0, 0.08, len(label)), at.imag + rng.normal(0, 0.08, len(label))
