"""Networks of pictures: what every picture coder shares, and two convolutional ones."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders import grain, pixel_losses, pixels
from fpmg_plugins.encoders.autoencoding import Bottleneck, Coder
from fpmg_plugins.encoders.pixel_moves import moved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

LEAST = 8  # side of the smallest feature maps
SEEN = 16  # side of the picture that the linear path reads
ENERGY = 0.02  # weight of the deviance of local energies


@dataclass(frozen=True, slots=True)
class Aim:
    """similarity: share of 1 - SSIM in the loss, the rest is squared error; texture: share of local detail that grain makes up

    for; augment: learn from moved copies.
    """

    similarity: float
    texture: float
    augment: bool


class PictureCoder(Coder):
    """A coder of pixels uint8 [n, channels, side, side]. Subclasses say `encode_scaled` and `draw`."""

    def __init__(self, channels: int, dim: int, aim: Aim) -> None:
        super().__init__()
        self.channels, self.aim = channels, aim
        if aim.texture:
            self.energy = nn.Linear(dim, channels * pixel_losses.GRID**2)
            nn.init.normal_(self.energy.weight, std=0.02)
            nn.init.zeros_(self.energy.bias)

    @abstractmethod
    def encode_scaled(self, x: Tensor) -> Tensor:
        """Vectors [n, dim] of scaled pictures [n, channels, side, side]."""

    @abstractmethod
    def draw(self, z: Tensor) -> Tensor:
        """Scaled pictures of vectors, without grain."""

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        return self.encode_scaled(pixels.scaled(batch["pixels"]))

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        drawn = self.draw(z)
        if self.aim.texture:
            drawn = grain.added(drawn, self._log_energy(z), z, self.aim.texture)
        return {"pixels": drawn}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        x = pixels.scaled(batch["pixels"])
        # `ragged` is False under privacy, where a record's gradient must be the same in any batch: no random moves
        if self.aim.augment and self.training and self.ragged:
            x = moved(x)
        z = self.encode_scaled(x)
        out = self.draw(z)
        share = self.aim.similarity
        loss = (1 - share) * (out - x).square().flatten(1).mean(1)
        if share:
            loss = loss + share * (1 - pixel_losses.similarity(out, x))
        if self.aim.texture:
            loss = loss + ENERGY * pixel_losses.misjudged(self._log_energy(z), pixels.scaled(batch["pixels"]))
        return loss

    def _log_energy(self, z: Tensor) -> Tensor:
        grid = pixel_losses.GRID
        return self.energy(z).reshape(len(z), self.channels, grid, grid).clamp(-6.0, 6.0)


class PlainCoder(PictureCoder):
    """Three strided convolutions each way, GroupNorm, and a linear path at 16 x 16 that learns within few steps."""

    def __init__(self, channels: int, side: int, dim: int, width: int, aim: Aim) -> None:
        super().__init__(channels, dim, aim)
        self.side, self.width = side, width
        flat, wide = 2 * width * (side // 8) ** 2, 2 * width
        self.down = nn.Sequential(block(channels, width, 2), block(width, wide, 2), block(wide, wide, 2))
        self.bottleneck = Bottleneck(flat + channels * (side // 4) ** 2, dim)
        self.unfold = nn.Linear(dim, flat)
        self.up = nn.Sequential(_doubled(wide, wide), _doubled(wide, width), nn.ConvTranspose2d(width, channels, 4, 2, 1))
        self.coarse = nn.Linear(dim, channels * SEEN**2)

    def encode_scaled(self, x: Tensor) -> Tensor:
        z: Tensor = self.bottleneck(torch.cat([self.down(x).flatten(1), F.avg_pool2d(x, 4).flatten(1)], dim=1))
        return z

    def draw(self, z: Tensor) -> Tensor:
        fine: Tensor = self.up(F.gelu(self.unfold(z)).reshape(len(z), 2 * self.width, self.side // 8, self.side // 8))
        coarse = self.coarse(z).reshape(len(z), self.channels, SEEN, SEEN)
        return fine + F.interpolate(coarse, (self.side, self.side), mode="bilinear", align_corners=False)


class ConvCoder(PictureCoder):
    """Strided convolutions down to 8 x 8 and back by sub-pixel steps (Shi et al., 2016), beside linear paths that learn at once.

    The linear picture of half the side enters the last convolutions, which repair what a linear map blurs.
    """

    def __init__(self, channels: int, side: int, dim: int, width: int, aim: Aim) -> None:
        super().__init__(channels, dim, aim)
        self.side, self.half, self.width = side, side // 2, width
        wide = 2 * width
        steps = (side // LEAST).bit_length() - 1
        inputs = [channels, width] + [wide] * steps
        layers = [block(inputs[i], width if i == 0 else wide, stride=2) for i in range(steps)]
        self.down = nn.Sequential(*layers)
        flat = (width if steps == 1 else wide) * LEAST**2
        self.bottleneck = Bottleneck(flat + channels * SEEN**2, dim)
        self.unfold = nn.Linear(dim, wide * LEAST**2)
        self.linear = nn.Linear(dim, channels * self.half**2)
        nn.init.normal_(self.linear.weight, std=0.02)
        grow: list[nn.Module] = []
        for _ in range(steps - 1):
            grow += [block(wide, wide), nn.Conv2d(wide, 4 * wide, 1), nn.PixelShuffle(2)]
        self.grow = nn.Sequential(*grow)
        self.repair = nn.Sequential(block(wide + channels, wide), block(wide, wide))
        self.out = nn.Sequential(nn.Conv2d(wide, 4 * channels, 3, padding=1), nn.PixelShuffle(2))
        quiet(self.out[0])

    def encode_scaled(self, x: Tensor) -> Tensor:
        small = F.adaptive_avg_pool2d(x, SEEN)
        z: Tensor = self.bottleneck(torch.cat([self.down(x).flatten(1), small.flatten(1)], dim=1))
        return z

    def draw(self, z: Tensor) -> Tensor:
        maps = F.gelu(self.unfold(z)).reshape(len(z), 2 * self.width, LEAST, LEAST)
        linear = self.linear(z).reshape(len(z), self.channels, self.half, self.half)
        fine: Tensor = self.out(self.repair(torch.cat([self.grow(maps), linear], dim=1)))
        return fine + F.interpolate(linear, (self.side, self.side), mode="bilinear", align_corners=False)


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3 x 3 convolution, GroupNorm, GELU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.GroupNorm(4, outputs), nn.GELU())


def _doubled(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.GroupNorm(4, outputs), nn.GELU())


def quiet(layer: nn.Module) -> None:
    """A last layer that says nothing yet, so that training starts from the linear path."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
