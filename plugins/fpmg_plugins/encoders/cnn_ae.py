"""Convolutional autoencoder of images and videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders import pixels
from fpmg_plugins.encoders.autoencoding import Autoencoding, Bottleneck, Coder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.types import Pixels, Schema, State

COARSE = 16  # side of the picture that the linear path draws


class PixelCoder(Coder):
    """Three strided convolutions each way, GroupNorm, and a linear path at 16 x 16 that learns within few steps.

    batch: pixels uint8 [n, channels, side, side]. The loss is the mean squared error of scaled pixels.
    """

    def __init__(self, channels: int, side: int, dim: int, width: int) -> None:
        super().__init__()
        self.side, self.width, self.channels = side, width, channels
        flat = 2 * width * (side // 8) ** 2
        self.down = nn.Sequential(
            *_block(nn.Conv2d(channels, width, 3, stride=2, padding=1), width),
            *_block(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), 2 * width),
            *_block(nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1), 2 * width),
        )
        self.bottleneck = Bottleneck(flat + channels * (side // 4) ** 2, dim)
        self.unfold = nn.Linear(dim, flat)
        self.up = nn.Sequential(
            *_block(nn.ConvTranspose2d(2 * width, 2 * width, 4, stride=2, padding=1), 2 * width),
            *_block(nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1), width),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
        )
        self.coarse = nn.Linear(dim, channels * COARSE**2)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        x = pixels.scaled(batch["pixels"])
        z: Tensor = self.bottleneck(torch.cat([self.down(x).flatten(1), F.avg_pool2d(x, 4).flatten(1)], dim=1))
        return z

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        fine = self.up(F.gelu(self.unfold(z)).reshape(len(z), 2 * self.width, self.side // 8, self.side // 8))
        coarse = self.coarse(z).reshape(len(z), self.channels, COARSE, COARSE)
        return {"pixels": fine + F.interpolate(coarse, (self.side, self.side), mode="bilinear", align_corners=False)}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        out = self.decode(self.encode(batch))["pixels"]
        return (out - pixels.scaled(batch["pixels"])).square().flatten(1).mean(1)


def _block(layer: nn.Module, width: int) -> tuple[nn.Module, ...]:
    return layer, nn.GroupNorm(4, width), nn.GELU()


class CnnAe(Autoencoding):
    """Works at side x side whatever the size in the schema; a video keeps up to 8 frames, mixed as channels.

    dim: of the vectors; width: channels of the first layer, a multiple of 4; side: working size; proximal: FedProx mu.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "video"})

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 32,
        width: Literal[8, 12, 16, 24, 32] = 12,
        side: Literal[16, 32, 64] = 32,
        lr: Annotated[float, Gt(0)] = 3e-3,
        proximal: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.dim = dim
        self.width = width
        self.side = side
        self.lr = lr
        self.proximal = proximal

    def network(self, schema: Schema) -> PixelCoder:
        return PixelCoder(pixels.channels(schema), self.side, self.dim, self.width)

    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        return {"pixels": pixels.reduced(schema, data, self.side)}

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Pixels:
        return pixels.enlarged(schema, outputs["pixels"])
