"""Networks of pictures: what every picture coder shares, and two convolutional ones."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.autoencoding import BOUND, Bottleneck, Coder
from fpmg_plugins.encoders.picture import grain, losses, pixels
from fpmg_plugins.encoders.picture.moves import moved
from fpmg_plugins.encoders.picture.start import LinearPath

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

LEAST = 8  # side of the smallest feature maps
SEEN = 16  # side of the picture that the linear path reads
ENERGY = 0.02  # weight of the deviance of local energies
USUAL, PACE = -2.0, 4.0  # log energy told before any training; scale of the head, whose bias Adam moves by lr a step


@dataclass(frozen=True, slots=True)
class Aim:
    """similarity: share of 1 - SSIM in the loss, the rest is squared error; texture: share of local detail that grain makes up

    for; augment: learn from moved copies; detail: weight of the power that fine detail lacks.
    """

    similarity: float
    texture: float
    augment: bool
    detail: float = 0.0


class PictureCoder(Coder):
    """A coder of pixels uint8 [n, channels, side, side]. Subclasses say `encode_scaled` and `draw`, and have a `path` to begin."""

    path: LinearPath
    notice: Notice

    def __init__(self, channels: int, dim: int, aim: Aim) -> None:
        super().__init__()
        self.channels, self.aim = channels, aim
        if aim.texture:
            self.energy = nn.Linear(dim, channels * losses.GRID**2)
            nn.init.normal_(self.energy.weight, std=0.02)
            nn.init.zeros_(self.energy.bias)

    def begin(self, mean: Tensor, second: Tensor) -> None:
        """Set the linear path to the principal components of these moments, and say nothing else yet."""
        self.path.begin(mean, second)
        quiet(self.notice.project)

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
            loss = loss + share * (1 - losses.similarity(out, x))
        if self.aim.detail:
            loss = loss + self.aim.detail * losses.lacking(out, x)
        if self.aim.texture:
            loss = loss + ENERGY * losses.misjudged(self._log_energy(z), pixels.scaled(batch["pixels"]))
        return loss

    def _log_energy(self, z: Tensor) -> Tensor:
        grid = losses.GRID
        reported: Tensor = USUAL + PACE * self.energy(z)
        return reported.reshape(len(z), self.channels, grid, grid).clamp(-6.0, 6.0)


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
    """A linear path, and convolutions down to 8 x 8 and back by sub-pixel steps (Shi et al., 2016) that repair what it blurs.

    A video is its mean frame and what moves: a clip hardly changes within a second, so the vector starts by telling that frame.
    """

    def __init__(self, frames: int, colours: int, side: int, dim: int, width: int, aim: Aim) -> None:
        super().__init__(frames * colours, dim, aim)
        self.frames, self.colours, self.side, self.wide = frames, colours, side, 2 * width
        moving = frames * colours if frames > 1 else 0
        steps = (side // LEAST).bit_length() - 1
        inputs = [colours + moving, width] + [self.wide] * steps
        layers = [block(inputs[i], width if i == 0 else self.wide, stride=2) for i in range(steps)]
        self.down = nn.Sequential(*layers)
        self.path = LinearPath(colours, side, dim)
        self.notice = Notice((width if steps == 1 else self.wide) * LEAST**2, dim)
        self.unfold = nn.Linear(dim, self.wide * LEAST**2)
        grow: list[nn.Module] = []
        for _ in range(steps - 1):
            grow += [block(self.wide, self.wide), nn.Conv2d(self.wide, 4 * self.wide, 1), nn.PixelShuffle(2)]
        self.grow = nn.Sequential(*grow)
        self.repair = nn.Sequential(block(self.wide + self.path.planes, self.wide), block(self.wide, self.wide))
        self.out = nn.Sequential(nn.Conv2d(self.wide, 4 * (colours + moving), 3, padding=1), nn.PixelShuffle(2))
        quiet(self.out[0])

    def encode_scaled(self, x: Tensor) -> Tensor:
        still = stilled(x, self.frames)
        seen = still if self.frames == 1 else torch.cat([still, x - still.repeat(1, self.frames, 1, 1)], dim=1)
        return bounded(self.path.code(still) + self.notice(self.down(seen).flatten(1)))

    def draw(self, z: Tensor) -> Tensor:
        maps = F.gelu(self.unfold(z)).reshape(len(z), self.wide, LEAST, LEAST)
        linear = self.path.draw(z)
        fine: Tensor = self.out(self.repair(torch.cat([self.grow(maps), self.path.halved(linear)], dim=1)))
        still = fine[:, : self.colours] + F.interpolate(linear, (self.side, self.side), mode="bilinear", align_corners=False)
        return still if self.frames == 1 else still.repeat(1, self.frames, 1, 1) + fine[:, self.colours :]


class Notice(nn.Module):
    """What features [n, width] add to the linear path's vector; from the start about as much as that says, or `quiet`."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gain = width**-0.5  # as in LinearPath
        self.project = nn.Linear(width, dim)
        nn.init.normal_(self.project.weight, std=0.7)
        nn.init.zeros_(self.project.bias)

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.project(self.norm(features) * self.gain)
        return found


def bounded(z: Tensor) -> Tensor:
    """Linear near zero, never beyond +-BOUND, as in `Bottleneck`."""
    return z / torch.sqrt(1 + (z / BOUND).square())


def stilled(x: Tensor, frames: int) -> Tensor:
    """Mean frames [n, colours, side, side] of [n, frames * colours, side, side]."""
    return x.reshape(len(x), frames, -1, *x.shape[-2:]).mean(1)


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3 x 3 convolution, GroupNorm, GELU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.GroupNorm(4, outputs), nn.GELU())


def _doubled(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.GroupNorm(4, outputs), nn.GELU())


def quiet(layer: nn.Module) -> None:
    """A last layer that says nothing yet, so that training starts from the linear path."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
