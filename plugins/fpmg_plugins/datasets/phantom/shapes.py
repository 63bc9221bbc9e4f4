"""Phenotypes of the phantom: points of a plane whose law no Gaussian has, and conditions that depend on each other."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Shape = Literal["gaussian", "ring", "moons", "rare-mixture"]
TIED = 0.95  # how much a place follows the class: where the marker is low to one side, where it is high to the other
SEVERITY = ((2.6, 3.0), (2.9, 2.7), (2.8, 2.8))  # Beta(a, b) in each class: nearer to each other than those of "gaussian"
# of "rare-mixture": share, angle in turns and distance from the middle of each mode
MODES = ((0.34, 0.0, 0.9), (0.24, 1 / 3, 0.9), (0.16, 2 / 3, 0.9), (0.12, 0.0, 0.0), (0.07, 1 / 6, 0.9), (0.05, 1 / 2, 0.9), (0.02, 5 / 6, 0.9))  # fmt: skip
MARKER = ((0.24, 0.06), (0.74, 0.08))  # mean and standard deviation of its two modes
HIGH = (0.42, 0.58, 0.5)  # share of each class in the upper one


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
    """Phenotypes given the classes [n]. apart: asthma and fibrosis never occur together, both are rejected and drawn again.

    The place leans to a side that class and marker choose together (as exclusive or does): no class leans by itself, so neither
    class means nor a covariance that all classes share know of it.
    """
    high = rng.random(len(label)) < np.asarray(HIGH)[label]
    u, v = {"ring": _ring, "moons": _moons, "rare-mixture": _mixture}[shape](rng, 2 * np.pi * label / classes + np.pi * high)
    mean, spread = np.asarray(MARKER)[high.astype(int)].T
    marker = np.clip(rng.normal(mean, spread), 0.0, 1.0)
    likely = 1 / (1 + np.exp(-(-2.2 + 0.7 * (label > 0) + 4.5 * (marker - 0.5))))
    asthma, fibrosis = np.zeros(len(label), bool), np.zeros(len(label), bool)
    left = np.arange(len(label))
    while len(left):
        asthma[left] = rng.random(len(left)) < 0.3
        fibrosis[left] = rng.random(len(left)) < likely[left]
        left = left[asthma[left] & fibrosis[left]] if apart else left[:0]
    return Phenotype(u, v, marker, asthma, fibrosis)


def _ring(rng: np.random.Generator, side: Floats) -> tuple[Floats, Floats]:
    """Angle with density 1 + TIED cos(angle - side), by rejection; radius 1 +- .07."""
    angle, left = np.zeros(len(side)), np.arange(len(side))
    while len(left):
        angle[left] = rng.uniform(0, 2 * np.pi, len(left))
        left = left[rng.random(len(left)) * (1 + TIED) >= 1 + TIED * np.cos(angle[left] - side[left])]
    radius = rng.normal(1.0, 0.07, len(side))
    return radius * np.cos(angle), radius * np.sin(angle)


def _moons(rng: np.random.Generator, side: Floats) -> tuple[Floats, Floats]:
    """Two half circles that reach into each other (as scikit-learn's), about the middle; noise .07. The side chooses the moon."""
    second = rng.random(len(side)) < 0.5 + 0.35 * np.cos(side)
    angle = rng.uniform(0, np.pi, len(side))
    u = np.where(second, 1 - np.cos(angle), np.cos(angle)) - 0.5
    v = np.where(second, 0.5 - np.sin(angle), np.sin(angle)) - 0.25
    return 0.8 * (u + rng.normal(0, 0.07, len(u))), 1.2 * (v + rng.normal(0, 0.07, len(v)))


def _mixture(rng: np.random.Generator, side: Floats) -> tuple[Floats, Floats]:
    """Seven modes of 34 to 2 %, standard deviation .08; one side prefers every other of them, the other the rest."""
    share, turn, distance = np.asarray(MODES).T
    sign = np.where(np.arange(len(MODES)) % 2, -1.0, 1.0)
    given = share * (1 + 0.8 * np.cos(side)[:, None] * sign)
    ends = np.cumsum(given / given.sum(axis=1, keepdims=True), axis=1)
    mode = np.minimum((rng.random(len(side))[:, None] > ends).sum(axis=1), len(MODES) - 1)
    at = distance[mode] * np.exp(2j * np.pi * turn[mode])
    return at.real + rng.normal(0, 0.08, len(side)), at.imag + rng.normal(0, 0.08, len(side))
