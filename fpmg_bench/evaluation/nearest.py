"""Nearest neighbours by one chunked matrix product: exact distances, bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK_BYTES = 64 * 2**20


def nearest(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Euclidean distance [len(a)] from each row of a [n, d] to its nearest row of b [m, d], and that row's position.

    The neighbour is found in float32 on centred data (|b|^2 - 2ab), its distance is then computed anew in float64, since
    the expanded square loses the small distances that copies have. Extra memory: about 64 MiB plus one copy of a and b.
    """
    if not len(b):
        raise ValueError("nearest: there is no target row")
    centre = b.mean(0, dtype=np.float64).astype(np.float32)
    target = np.ascontiguousarray(b - centre, np.float32)
    half = np.einsum("ij,ij->i", target, target) / 2
    chunk = max(1, CHUNK_BYTES // (4 * len(b)))
    found = np.empty(len(a), np.intp)
    for start in range(0, len(a), chunk):
        product = (a[start : start + chunk] - centre) @ target.T
        np.subtract(half, product, out=product)
        product.argmin(1, out=found[start : start + chunk])
    return _exact(a, b, found), found


def _exact(a: NDArray[np.float32], b: NDArray[np.float32], found: NDArray[np.intp]) -> NDArray[np.float32]:
    distance = np.empty(len(a), np.float32)
    chunk = max(1, CHUNK_BYTES // (16 * max(1, a.shape[1])))
    for start in range(0, len(a), chunk):
        rows = slice(start, start + chunk)
        gap = a[rows].astype(np.float64) - b[found[rows]]
        distance[rows] = np.sqrt(np.einsum("ij,ij->i", gap, gap))
    return distance
