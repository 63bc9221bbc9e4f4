"""Correlation matrices of noised sums: entries that noise explains go towards 0, and what is left is one again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

SURE = 2.0  # standard deviations of its noise that a variance is taken for at least


def correlation(covariance: Tensor, noise: Tensor) -> Tensor:
    """[d, d] of a noised covariance [d, d] whose entries have noise of variance `noise` [d, d]; exact sums (noise 0) as they are.

    Variances are at least what noise could hide, so that no entry is divided by next to nothing; entries beside the diagonal are shrunk
    by the share of their squares that noise explains (James and Stein, 1961, positive part), or by luck could.
    """
    if not bool(noise.any()):
        scale = covariance.diagonal().clamp(min=1e-12).sqrt()
        return covariance / scale[:, None] / scale
    variance = torch.maximum(covariance.diagonal(), SURE * noise.diagonal().sqrt()).clamp(min=1e-12)
    return known(covariance, variance, noise)


def known(covariance: Tensor, variance: Tensor, noise: Tensor) -> Tensor:
    """[d, d] of a covariance [d, d] whose variances [d] > 0 are known better than by its diagonal; see `correlation`."""
    scale = variance.sqrt()
    beside = covariance / scale[:, None] / scale
    beside = beside - torch.diag(beside.diagonal())
    explained = (noise / variance[:, None] / variance).sum() - (noise.diagonal() / variance.square()).sum()
    lucky = explained * (1 + SURE * 2 / max(len(scale), 2))  # of w (w - 1) / 2 squares, their sum's standard deviation by 2 / w
    kept = (1 - lucky / beside.square().sum().clamp(min=1e-12)).clamp(min=0.0)
    return nearest(kept * beside)


def nearest(matrix: Tensor) -> Tensor:
    """Entries within [-1, 1], no eigenvalue below 0, the diagonal 1: a correlation matrix near a symmetric one [d, d]."""
    bounded = matrix.clamp(-1.0, 1.0)
    bounded = bounded - torch.diag(bounded.diagonal()) + torch.eye(len(bounded), dtype=bounded.dtype)
    values, vectors = torch.linalg.eigh(bounded)
    if len(values) and float(values[0]) >= 0:
        return bounded
    root = vectors * values.clamp(min=0.0).sqrt()
    root = root / root.norm(dim=1, keepdim=True).clamp(min=1e-12)
    found: Tensor = root @ root.T
    return found
