"""Film grain: what a short vector cannot say about texture is drawn from a fixed pattern, with the energy that the vector says."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from fpmg_plugins.encoders import dither
from fpmg_plugins.encoders.picture.losses import LAPLACIAN, energy

if TYPE_CHECKING:
    from torch import Tensor

TILE = 128  # pixels a side of the pattern, which repeats
SEED = 20_05  # the pattern is public and the same everywhere: decoding takes no generator
STRIDE = 37  # rows between the pieces that two channels of a record get


def added(drawn: Tensor, log_energy: Tensor, z: Tensor, share: float) -> Tensor:
    """Pictures [n, c, side, side] with grain where their Laplacian energy is below `share` of what log_energy [n, c, 8, 8] says.

    Which piece of the pattern a record gets depends on its vector z alone.
    """
    lacking = (share * log_energy.exp() - energy(drawn)).clamp(min=0.0)
    amplitude = F.interpolate(lacking.sqrt(), drawn.shape[-2:], mode="bilinear", align_corners=False)
    return drawn + amplitude * pieces(z, drawn.shape[1], drawn.shape[-1])


def pieces(z: Tensor, channels: int, side: int) -> Tensor:
    """[n, channels, side, side] of the pattern, from a corner that the vector decides."""
    corner = (dither.phase(z) * TILE**2).long()
    across = torch.arange(side, device=z.device)
    row = (corner // TILE)[:, None, None] + torch.arange(channels, device=z.device)[None, :, None] * STRIDE + across
    column = (corner % TILE)[:, None] + across
    return pattern().to(z.device)[(row % TILE)[:, :, :, None], (column % TILE)[:, None, None, :]]


@lru_cache(maxsize=1)
def pattern() -> Tensor:
    """The Laplacian of white noise (fine grain: it costs the least likeness), scaled to a mean squared Laplacian of 1: [TILE, TILE]."""
    noise = torch.randn(1, 1, TILE, TILE, generator=torch.Generator().manual_seed(SEED))
    fine = _laplacian(noise)
    return (fine / _laplacian(fine).square().mean().sqrt())[0, 0]


def _laplacian(x: Tensor) -> Tensor:
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), torch.tensor(LAPLACIAN)[None, None])
