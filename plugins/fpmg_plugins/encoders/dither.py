"""Ordered dither: turns probabilities of gaps and levels into gaps and levels at the right rate without a random number.

"Seen where probability > 1/2" would see everything that is seen more often than not; sampling would need a generator that
`decode` is not handed. So thresholds are spread evenly over the cells of a record (Weyl sequence), shifted by the record's vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

GOLDEN = (5**0.5 - 1) / 2
TURNS = 3.0  # of the shift while the vector's sum grows by one: many over a cohort, few enough to ignore rounding
WRAPS, EXTREME = 30.0, 1e-6


def phase(z: Tensor) -> Tensor:
    """Shift [n] in [0, 1) of each record, a function of its vector alone."""
    return (z.double().sum(dim=1) * TURNS) % 1.0


def level(probability: Tensor, shift: Tensor, first: int = 0) -> Tensor:
    """Indices [n] of levels with probability [n, levels], each at its own rate; `first`: cells of the record already used."""
    threshold = ((first + 0.5) * GOLDEN + shift) % 1.0
    below = torch.cumsum(probability.double(), dim=1) <= threshold[:, None]
    return below.sum(dim=1).clamp(max=probability.shape[1] - 1)


def seen(probability: Tensor, shift: Tensor, group: Tensor | None = None) -> Tensor:
    """bool [n, cells]: probability [n, cells] above the thresholds. 0 is never seen, 1 always. group [cells]: whose threshold each has."""
    places = torch.arange(probability.shape[1]) if group is None else group
    cells = (places.to(probability.device, torch.float64) + 0.5) * GOLDEN
    return probability.double() > (cells + shift[:, None]) % 1.0


def likeliest(probability: Tensor, shift: Tensor, group: Tensor | None = None) -> Tensor:
    """bool [n, t, c]: in each channel as many cells as the probabilities [n, t, c] sum to, those with the highest.

    Closer to the truth than `seen` where neighbours' probabilities differ; the fraction of a cell is dithered by record and
    channel, or by the channel `group` [c] that it goes with.
    """
    p = probability.double()
    expected = p.sum(dim=1)
    places = torch.arange(p.shape[2]) if group is None else group
    cells = (places.to(p.device, torch.float64) + 0.5) * GOLDEN
    many = torch.floor(expected + (cells + shift[:, None]) % 1.0)
    place = torch.argsort(torch.argsort(p, dim=1, descending=True, stable=True), dim=1)
    return place < many[:, None, :]


def normal(z: Tensor, many: int) -> Tensor:
    """Standard normal numbers [n, many] of each record, a function of its vector alone, with next to no correlation over a cohort.

    Each is the fraction of a public sum of the vector's entries that wraps many times.
    """
    weights = torch.randn(z.shape[1], many, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    place = (z.double() @ (WRAPS * weights)) % 1.0
    found: Tensor = torch.special.ndtri(place.clamp(EXTREME, 1 - EXTREME))
    return found
