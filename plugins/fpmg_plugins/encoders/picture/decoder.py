"""A decoder of pictures for encoders whose reading half is not trained with it, and what it is trained for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.picture import grain
from fpmg_plugins.encoders.picture import losses as pixel_losses

if TYPE_CHECKING:
    from torch import Tensor

SMALL = 8  # side at which the convolutions begin
ENERGY = 0.02  # weight of the deviance of local energies


@dataclass(frozen=True, slots=True)
class Look:
    """similarity: share of 1 - SSIM in the loss, the rest is squared error; texture: share of local detail that grain makes up for."""

    similarity: float
    texture: float


class PixelDecoder(nn.Module):
    """Vectors [n, dim] to pixels [n, channels, side, side] on the scale of `pixels.scaled`.

    A linear path draws at half the side within few steps; sub-pixel convolutions (Shi et al., 2016) from 8 x 8 repair what it
    blurs. A picture that is known without training (`known`) is where both begin: the last layers say nothing at first.
    """

    def __init__(self, channels: int, side: int, dim: int, width: int, look: Look, known: bool = False) -> None:
        super().__init__()
        self.channels, self.side, self.coarse, self.look = channels, side, side // 2, look
        self.linear = nn.Linear(dim, channels * self.coarse**2)
        self.unfold = nn.Linear(dim, width * SMALL**2)
        grow: list[nn.Module] = []
        for _ in range((self.coarse // SMALL).bit_length() - 1):
            grow += [*_block(width, width), nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2)]
        self.grow = nn.Sequential(nn.GELU(), *grow)
        self.repair = nn.Sequential(*_block(width + channels, width), *_block(width, width))
        self.out = nn.Sequential(nn.Conv2d(width, 4 * channels, 3, padding=1), nn.PixelShuffle(2))
        nn.init.normal_(self.linear.weight, std=0.0 if known else 0.02)
        for silent in (self.linear.bias, *self.out.parameters()):
            nn.init.zeros_(silent)
        if look.texture:
            self.energy = nn.Linear(dim, channels * pixel_losses.GRID**2)
            nn.init.normal_(self.energy.weight, std=0.02)
            nn.init.zeros_(self.energy.bias)

    def forward(self, z: Tensor, known: Tensor | None = None) -> Tensor:
        linear = self.linear(z).reshape(len(z), self.channels, self.coarse, self.coarse)
        seen = linear if known is None else linear + F.avg_pool2d(known, 2)
        maps = self.grow(self.unfold(z).reshape(len(z), -1, SMALL, SMALL))
        fine: Tensor = self.out(self.repair(torch.cat([maps, seen], dim=1)))
        drawn = fine + F.interpolate(linear, (self.side, self.side), mode="bilinear", align_corners=False)
        return drawn if known is None else drawn + known

    def finished(self, z: Tensor, known: Tensor | None = None) -> Tensor:
        """The picture, with grain for the share `look.texture` of the local detail that it lacks."""
        drawn: Tensor = self(z, known)
        return grain.added(drawn, self._log_energy(z), z, self.look.texture) if self.look.texture else drawn

    def losses(self, z: Tensor, x: Tensor, known: Tensor | None = None) -> Tensor:
        """[n]: what is wrong with pictures drawn from z, against scaled pictures x."""
        drawn: Tensor = self(z, known)
        missed = (1 - self.look.similarity) * (drawn - x).square().flatten(1).mean(1)
        if self.look.similarity:
            missed = missed + self.look.similarity * (1 - pixel_losses.similarity(drawn, x))
        return missed + ENERGY * pixel_losses.misjudged(self._log_energy(z), x) if self.look.texture else missed

    def _log_energy(self, z: Tensor) -> Tensor:
        grid = pixel_losses.GRID
        energy: Tensor = self.energy(z)
        return energy.reshape(len(z), self.channels, grid, grid).clamp(-6.0, 6.0)


def _block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(4, outputs), nn.GELU()
