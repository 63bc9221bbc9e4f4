"""Distances to many neighbours in chunks: radii of k-nearest-neighbour balls, and who lies in whose ball."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Counts = NDArray[np.intp]

CHUNK_BYTES = 64 * 2**20
TIE = 1e-9  # relative to the scale of the data: distances this close are equal (a point lies in the ball that ends at it)


def radii(x: Floats, k: int) -> Floats:
    """Distance [n] of each row of x [n, d] to its k-th nearest other row, float64."""
    found = np.empty(len(x))
    for rows, squares in squared(x, x):
        squares[np.arange(len(squares)), rows] = np.inf
        found[rows] = np.partition(squares, k - 1, axis=1)[:, k - 1]
    return np.sqrt(found)


def crossing(one: Floats, two: Floats, radius_one: Floats, radius_two: Floats) -> tuple[Counts, Counts, Counts, Counts]:
    """Who lies in whose ball, both ways, from one pass over the distances between one [n, d] and two [m, d].

    (balls of two around each of one [n], members of one in each ball of two [m], balls of one around each of two [m], members
    of two in each ball of one [n]); a ball holds its own edge.
    """
    limit_one, limit_two = (radius**2 + TIE * _scale(centres) for radius, centres in ((radius_one, one), (radius_two, two)))
    around_one, held_two, around_two, held_one = (np.zeros(size, np.intp) for size in (len(one), len(two), len(two), len(one)))
    for rows, squares in squared(one, two):
        hit = squares <= limit_two
        around_one[rows], held_two = hit.sum(1), held_two + hit.sum(0)
        hit = squares <= limit_one[rows, None]
        held_one[rows], around_two = hit.sum(1), around_two + hit.sum(0)
    return around_one, held_two, around_two, held_one


def closest(points: Floats, centres: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Distance [points] to the nearest centre, and which it is."""
    distance, which = np.empty(len(points)), np.empty(len(points), np.intp)
    for rows, squares in squared(points, centres):
        which[rows] = squares.argmin(1)
        distance[rows] = np.linalg.norm(points[rows].astype(np.float64) - centres[which[rows]], axis=1)
    return distance, which


def squared(a: Floats, b: Floats) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Rows of a, and their squared distances [rows, len(b)] to every row of b: one float64 product on centred data."""
    centre = b.mean(0, dtype=np.float64)
    target = b - centre
    norms = np.einsum("ij,ij->i", target, target)
    chunk = max(1, CHUNK_BYTES // (8 * len(b)))
    for start in range(0, len(a), chunk):
        rows = np.arange(start, min(start + chunk, len(a)))
        source = a[rows] - centre
        squares = source @ target.T
        squares *= -2
        squares += norms
        squares += np.einsum("ij,ij->i", source, source)[:, None]
        yield rows, np.maximum(squares, 0, out=squares)


def _scale(x: Floats) -> float:
    return float(((x - x.mean(0)) ** 2).sum(1).mean())
