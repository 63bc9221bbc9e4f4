"""Directions in which white vectors are not Gaussian, by FastICA (Hyvarinen, 1999) whose sums are all that travels.

A step of its fixed point is a mean over patients, so that of silos, weighted by their patients, is the pooled one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Rng, State

FOUND = "pursuit/found"  # [d, p]: mean over all patients of u g(w'u) - g'(w'u) w, column by column, with g = tanh


def begun(d: int, directions: int, rng: Rng) -> State:
    """Directions at random."""
    return {FOUND: torch.randn(d, directions, generator=rng)}


def axes(state: State) -> Tensor:
    """Orthonormal W [d, p] float64: the nearest to what was found, all directions alike (symmetric decorrelation)."""
    left, _, right = torch.linalg.svd(state[FOUND].double(), full_matrices=False)
    found: Tensor = left @ right
    return found


def step(u: Tensor, w: Tensor) -> Tensor:
    """What each patient u [n, d] adds to the next directions, [n, d p]; no longer than (|u| + 1) sqrt(p) where w is orthonormal."""
    g = torch.tanh(u @ w)
    found: Tensor = u[:, :, None] * g[:, None, :] - (1 - g.square())[:, None, :] * w
    return found.flatten(1)


def beside(w: Tensor, noise: Tensor) -> Tensor:
    """noise [n, d] without its part along W: a Gaussian of all other directions."""
    left: Tensor = noise - noise @ w @ w.T
    return left
