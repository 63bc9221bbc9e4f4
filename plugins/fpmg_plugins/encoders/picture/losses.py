"""What a decoded picture is compared by: structural similarity, and the local energy of its fine detail. Each row on its own."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from fpmg_plugins.encoders.picture.pixels import CENTRE, SPREAD

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 7  # pixels of a side of 64, as in scikit-image
GRID = 8  # energies are means over side / GRID x side / GRID pixels
LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
EDGES = (6.0, 10.0)  # cycles a picture from which fine detail is in a band of its own
FAINT = 1e-4  # power a frequency that is below half a grey level
FLAT = 0.01  # energy below which detail is invisible: half a grey level of white noise has .001, one of .005


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (Wang et al., 2004; uniform window) [n] of pictures [n, c, side, side] on the scale of `scaled`."""
    window = WINDOW if a.shape[-1] >= 64 else 3
    c1, c2 = (0.01 * 255 / SPREAD) ** 2, (0.03 * 255 / SPREAD) ** 2
    unbiased = window**2 / (window**2 - 1)
    mean_a, mean_b = F.avg_pool2d(a, window, 1), F.avg_pool2d(b, window, 1)
    var_a = (F.avg_pool2d(a * a, window, 1) - mean_a.square()) * unbiased
    var_b = (F.avg_pool2d(b * b, window, 1) - mean_b.square()) * unbiased
    cov = (F.avg_pool2d(a * b, window, 1) - mean_a * mean_b) * unbiased
    black = CENTRE / SPREAD  # scaled values are centred, the formula's means count from black
    light_a, light_b = mean_a + black, mean_b + black
    light = (2 * light_a * light_b + c1) / (light_a.square() + light_b.square() + c1)
    return (light * (2 * cov + c2) / (var_a + var_b + c2)).flatten(1).mean(1)


def energy(x: Tensor) -> Tensor:
    """Mean squared Laplacian in a grid: [n, c, GRID, GRID] of pictures [n, c, side, side], at least FLAT."""
    n, c, height, width = x.shape
    kernel = torch.tensor(LAPLACIAN, device=x.device)[None, None]
    padded = F.pad(x.reshape(n * c, 1, height, width), (1, 1, 1, 1), mode="reflect")
    square = F.conv2d(padded, kernel).square()
    return F.avg_pool2d(square, height // GRID).reshape(n, c, GRID, GRID) + FLAT


def misjudged(log_energy: Tensor, x: Tensor) -> Tensor:
    """Deviance [n] of predicted log energies [n, c, GRID, GRID] from those of x: least where the prediction is the mean energy."""
    excess = energy(x).log() - log_energy
    # gamma deviance e^d - d - 1, linear beyond d = 3 so that one bright edge does not shake the whole network
    bounded = excess.clamp(max=3.0)
    return (bounded.exp() * (1 + excess - bounded) - excess - 1).flatten(1).mean(1)


def lacking(out: Tensor, x: Tensor) -> Tensor:
    """How far off the power of fine detail is [n]: squared log ratios in the bands from EDGES on, of pictures [n, c, side, side].

    Squared error alone draws what is likely on average, in which detail cancels out; this asks for as much of it as there is.
    """
    drawn, real = powers(out), powers(x)
    return (drawn / real).log().square().flatten(1).mean(1)


def powers(x: Tensor) -> Tensor:
    """Mean power [n, c, bands] a frequency, at least FAINT, of pictures [n, c, side, side]."""
    spectrum = torch.fft.rfft2(x, norm="ortho").abs().square()
    power: Tensor = torch.einsum("nchw,bhw->ncb", spectrum, _bands(x.shape[-1]).to(x)) + FAINT
    return power


@lru_cache(maxsize=8)
def _bands(side: int) -> Tensor:
    """Weights [bands, side, side // 2 + 1] of a half spectrum: each band's frequencies, weighing 1 together."""
    down, across = torch.fft.fftfreq(side, 1 / side), torch.fft.rfftfreq(side, 1 / side)
    radius = torch.hypot(down[:, None], across[None, :])
    twice = torch.where((across == 0) | (across == side // 2), 1.0, 2.0)  # of the others the conjugates are left out
    inside = [(radius >= low) & (radius < high) for low, high in zip(EDGES, (*EDGES[1:], float("inf")), strict=True)]
    bands = torch.stack(inside).float() * twice
    return bands / bands.sum((1, 2), keepdim=True).clamp(min=1.0)
