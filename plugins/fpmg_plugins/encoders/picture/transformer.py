"""The network of cnn-transformer-ae: convolutions frame by frame, BERT encoder layers between places and frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.bert import Blocks, Positions
from fpmg_plugins.encoders.picture.net import LEAST, Aim, Notice, PictureCoder, bounded, quiet, stilled
from fpmg_plugins.encoders.picture.start import LinearPath

if TYPE_CHECKING:
    from torch import Tensor

STILL, MOVING = 4, 2  # tokens across a frame: 16 of an image, 4 of each frame of a video


class TransformerCoder(PictureCoder):
    """A frame becomes 8 x 8 maps, then STILL^2 or MOVING^2 tokens; attention runs over the tokens of all frames, each way.

    Frames are a third axis of convolutions 1 x 3 x 3: as rows of the batch they would each count as a patient under privacy.
    frames: of the working form, whose channels are frames times colours; a linear path draws the mean frame.
    """

    def __init__(self, frames: int, colours: int, side: int, dim: int, width: int, layers: int, heads: int, aim: Aim) -> None:
        super().__init__(frames * colours, dim, aim)
        self.frames, self.colours, self.side, self.wide = frames, colours, side, 2 * width
        self.across = STILL if frames == 1 else MOVING
        self.tokens, self.model = frames * self.across**2, 4 * width
        patch = LEAST // self.across
        steps = (side // LEAST).bit_length() - 1
        inputs = [colours, width] + [self.wide] * steps
        self.stem = nn.Sequential(*(_block(inputs[i], width if i == 0 else self.wide, stride=2) for i in range(steps)))
        self.lift = nn.Conv3d(width if steps == 1 else self.wide, self.model, (1, patch, patch), (1, patch, patch))
        self.where = Positions(self.tokens, self.model)
        self.read = Blocks(self.model, layers, heads)
        self.path = LinearPath(colours, side, dim)
        self.notice = Notice(self.tokens * self.model, dim)
        self.unfold = nn.Linear(dim, self.tokens * self.model)
        self.there = Positions(self.tokens, self.model)
        self.write = Blocks(self.model, layers, heads)
        self.spread = nn.Linear(self.model, self.wide * patch**2)
        self.grow = nn.ModuleList(nn.Conv3d(self.wide, 4 * self.wide, 1) for _ in range(steps - 1))
        self.repair = nn.Sequential(_block(self.wide + self.path.planes, self.wide), _block(self.wide, self.wide))
        self.out = nn.Conv3d(self.wide, 4 * colours, (1, 3, 3), padding=(0, 1, 1))
        quiet(self.out)

    def encode_scaled(self, x: Tensor) -> Tensor:
        tokens = self.lift(self.stem(self._clip(x))).flatten(2).transpose(1, 2)
        hidden = self.read(tokens + self.where(len(x)))
        return bounded(self.path.code(stilled(x, self.frames)) + self.notice(hidden.flatten(1)))

    def draw(self, z: Tensor) -> Tensor:
        maps = self._maps(self.write(self.unfold(z).reshape(len(z), self.tokens, self.model) + self.there(len(z))))
        for layer in self.grow:
            maps = _larger(F.gelu(layer(maps)))
        linear = self.path.draw(z)
        planes = self.path.halved(linear)[:, :, None].expand(-1, -1, self.frames, -1, -1)
        fine = _larger(self.out(self.repair(torch.cat([maps, planes], dim=1)))).transpose(1, 2)
        still = F.interpolate(linear, (self.side, self.side), mode="bilinear", align_corners=False)
        return (fine + still[:, None]).flatten(1, 2)

    def _clip(self, x: Tensor) -> Tensor:
        """[n, frames * colours, h, w] to [n, colours, frames, h, w]."""
        return x.reshape(len(x), self.frames, self.colours, *x.shape[-2:]).transpose(1, 2)

    def _maps(self, hidden: Tensor) -> Tensor:
        """Tokens [n, tokens, model] to maps [n, wide, frames, 8, 8]."""
        patches = self.spread(hidden).reshape(len(hidden), self.frames, self.across, self.across, -1).permute(0, 1, 4, 2, 3)
        return F.pixel_shuffle(patches, LEAST // self.across).transpose(1, 2)


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """1 x 3 x 3 convolution, GroupNorm, GELU."""
    conv = nn.Conv3d(inputs, outputs, (1, 3, 3), (1, stride, stride), (0, 1, 1))
    return nn.Sequential(conv, nn.GroupNorm(4, outputs), nn.GELU())


def _larger(x: Tensor) -> Tensor:
    """Sub-pixel step of every frame: [n, 4 k, frames, h, w] to [n, k, frames, 2 h, 2 w]."""
    return F.pixel_shuffle(x.transpose(1, 2), 2).transpose(1, 2)
