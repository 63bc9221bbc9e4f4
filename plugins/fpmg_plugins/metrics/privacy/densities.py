"""Neighbours and density estimates that attacks share: the k-th neighbour, which one is nearest, Gaussian kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

CHUNK_BYTES = 32 * 2**20


def nth_nearest(points: Floats, centres: Floats, k: int) -> Floats:
    """Distance [n] of each point to its k-th nearest centre (the farthest, where there are fewer).

    -d log of it is the log density of the centres there, up to a constant (Loftsgaarden and Quesenberry 1965).
    """
    k = min(k, len(centres))
    found = np.empty(len(points), np.float32)
    for rows, squares in _squares(points - centres.mean(0), centres - centres.mean(0)):
        found[rows] = np.partition(squares, k - 1, axis=1)[:, k - 1]
    return np.sqrt(np.maximum(found, 0))


def which_nearest(points: Floats, centres: Floats) -> NDArray[np.intp]:
    """The position [n] of the centre nearest to each point."""
    found = np.empty(len(points), np.intp)
    for rows, squares in _squares(points - centres.mean(0), centres - centres.mean(0)):
        found[rows] = squares.argmin(1)
    return found


def kernel(points: Floats, centres: Floats, like: Floats) -> Floats:
    """log of the mean Gaussian kernel [n] of the centres; covariance: that of `like` times Scott's m^(-2 / (d + 4)) (Scott 1992)."""
    m, d = centres.shape
    white = np.linalg.cholesky(np.linalg.inv(_covariance(like) * m ** (-2 / (d + 4))))
    origin = like.mean(0, dtype=np.float64)
    found = np.empty(len(points))
    for rows, squares in _squares(*(((x - origin) @ white).astype(np.float32) for x in (points, centres))):
        power = squares / -2
        top = power.max(1, keepdims=True)
        found[rows] = top[:, 0] + np.log(np.exp(power - top).mean(1))
    constant: float = np.linalg.slogdet(white)[1] - d / 2 * np.log(2 * np.pi)
    return found + constant


def _covariance(x: Floats) -> NDArray[np.float64]:
    """[d, d]; a hair of its trace is added, so that columns that do not vary leave it invertible."""
    covariance = np.atleast_2d(np.cov(x.T.astype(np.float64)))
    hair = 1e-9 * (np.trace(covariance) or 1.0)
    invertible: NDArray[np.float64] = covariance + hair * np.eye(len(covariance))
    return invertible


def _squares(a: Floats, b: Floats) -> Any:
    """Rows of a and their squared distances [rows, len(b)] to every row of b, in chunks."""
    norms = np.einsum("ij,ij->i", b, b)
    chunk = max(1, CHUNK_BYTES // (4 * len(b)))
    for start in range(0, len(a), chunk):
        rows = slice(start, start + chunk)
        squares = a[rows] @ b.T
        squares *= -2
        squares += norms
        squares += np.einsum("ij,ij->i", a[rows], a[rows])[:, None]
        yield rows, squares
