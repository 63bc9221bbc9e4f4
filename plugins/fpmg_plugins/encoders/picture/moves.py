"""Moved, turned, stretched and brightened copies of pictures, so that a few hundred patients suffice to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from fpmg_bench.devices import drawn

if TYPE_CHECKING:
    from torch import Tensor

STRETCH, TURN, SHIFT, CONTRAST = 0.15, 0.1, 0.12, 0.2  # at most: log scale, radians, half pictures, log factor


def moved(x: Tensor) -> Tensor:
    """Every picture or clip of [n, c, side, side] by an affine map and a contrast of its own (torch's global generator)."""
    draw = drawn((len(x), 6), None, x, torch.rand) * 2 - 1
    wide, high, angle = (STRETCH * draw[:, 0]).exp(), (STRETCH * draw[:, 1]).exp(), TURN * draw[:, 2]
    across = torch.stack([wide * angle.cos(), -wide * angle.sin(), SHIFT * draw[:, 3]], 1)
    down = torch.stack([high * angle.sin(), high * angle.cos(), SHIFT * draw[:, 4]], 1)
    grid = F.affine_grid(torch.stack([across, down], 1), list(x.shape), align_corners=False)
    there = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return there * (CONTRAST * draw[:, 5]).exp()[:, None, None, None]
