"""A small decoder of pictures, for encoders whose reading half is not trained with it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

COARSE = 16  # side of the picture that the linear path draws
SMALL = 8  # side at which the convolutions begin


class PixelDecoder(nn.Module):
    """Vectors [n, dim] to pixels [n, channels, side, side] on the scale of `pixels.scaled`.

    A linear path draws a coarse picture within few steps; transposed convolutions from 8 x 8 add what is finer.
    """

    def __init__(self, channels: int, side: int, dim: int, width: int) -> None:
        super().__init__()
        self.channels, self.side = channels, side
        doublings = (side // SMALL).bit_length() - 1
        widths = [max(width, width * 2 ** (doublings - 2 - at)) for at in range(doublings)]
        self.unfold = nn.Linear(dim, widths[0] * SMALL**2)
        steps: list[nn.Module] = [nn.GroupNorm(4, widths[0]), nn.GELU()]
        for before, after in pairwise(widths):
            steps += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.GroupNorm(4, after), nn.GELU()]
        self.up = nn.Sequential(*steps, nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1))
        self.coarse = nn.Linear(dim, channels * COARSE**2)

    def forward(self, z: Tensor) -> Tensor:
        fine: Tensor = self.up(self.unfold(z).reshape(len(z), -1, SMALL, SMALL))
        coarse = self.coarse(z).reshape(len(z), self.channels, COARSE, COARSE)
        return fine + F.interpolate(coarse, (self.side, self.side), mode="bilinear", align_corners=False)
