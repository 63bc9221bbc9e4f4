"""Directions of most variance, and what they leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

RANK = 1e-9  # components below this share of the first one's variance are left at zero


def principal(covariance: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Standard deviations [dim], descending, and directions [d, dim]; the largest entry of each direction is positive."""
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(0)[:dim].clamp(min=0.0), vectors.flip(1)[:, :dim]
    peak = vectors.abs().argmax(dim=0)
    vectors = vectors * torch.sign(vectors[peak, torch.arange(vectors.shape[1])])
    values = torch.where(values > RANK * values[:1], values, 0.0)
    short = dim - len(values)
    return torch.nn.functional.pad(values, (0, short)).sqrt(), torch.nn.functional.pad(vectors, (0, short))


def left(covariance: Tensor, basis: Tensor, size: Tensor) -> Tensor:
    """R [r, d] with R^T R what is left of the covariance [d, d] beside these directions; r = 0 where nothing is."""
    values, vectors = torch.linalg.eigh(covariance - (basis * size.square()) @ basis.T)
    kept = values > RANK * size[:1].square().clamp(min=1e-300)
    found: Tensor = (vectors[:, kept] * values[kept].sqrt()).T.contiguous()
    return found
