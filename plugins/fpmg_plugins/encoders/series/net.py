"""The network of irregular series: a linear code, and one BERT encoder layer each way over the steps for what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.autoencoding import BOUND, Coder, bounded
from fpmg_plugins.encoders.bert import Blocks, Positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

GAPS = 1.0  # weight of the masks' cross-entropy
SHORT = 0.25  # share of cells added to a record's seen ones: a record that saw two values is not to count for hundreds


class SeriesCoder(Coder):
    """t steps of c channels. The linear path has its directions from the start; the blocks learn to add to it.

    batch: scores [n, t, c], seen [n, t, c], times [n, t], codes [n, dim], worth [n, t, c]. The loss is the squared error of what was seen, nearly a
    mean over it, plus the squared error of times and half the cross-entropy of the masks.
    """

    def __init__(self, steps: int, channels: int, dim: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.steps, self.channels = steps, channels
        features = 2 * channels + 1
        self.lift = nn.Linear(features, width)
        self.where = Positions(steps, width)
        self.read = Blocks(width, layers, heads)
        self.refine = nn.Linear(width, dim)
        self.unfold = nn.Linear(dim, width)
        self.there = Positions(steps, width)
        self.write = Blocks(width, layers, heads)
        self.head = nn.Linear(width, features)
        self.direct = nn.Linear(dim, steps * (channels + 1), bias=False)
        # few patients would teach these directions less well than their moments did
        self.direct.weight.requires_grad_(False)
        self.masks = nn.Linear(dim, steps * channels)
        for layer in (self.refine, self.head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        x = torch.cat([batch["scores"], batch["seen"], batch["times"][:, :, None]], dim=2)
        hidden = self.read(self.lift(x) + self.where(len(x)))
        return bounded(batch["codes"] + self.refine(hidden.mean(dim=1)))

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        hidden = self.head(self.write(self.unfold(z)[:, None, :] + self.there(len(z))))
        codes, c, shape = _unbounded(z), self.channels, (len(z), self.steps, self.channels)
        values, times = torch.split(self.direct(codes), [self.steps * c, self.steps], dim=1)
        return {
            "scores": values.reshape(shape) + hidden[:, :, :c],
            "there": self.masks(codes).reshape(shape) + hidden[:, :, c : 2 * c],
            "times": times + hidden[:, :, -1],
        }

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        out = self.decode(self.encode(batch))
        seen = batch["seen"]
        cells = seen.sum((1, 2)) + SHORT * self.steps * self.channels
        missed = (seen * (out["scores"] - batch["scores"]).square()).sum((1, 2)) / cells
        gaps = (batch["worth"] * F.binary_cross_entropy_with_logits(out["there"], seen, reduction="none")).mean((1, 2))
        return missed + GAPS * gaps + (out["times"] - batch["times"]).square().mean(1)


def _unbounded(z: Tensor) -> Tensor:
    """Inverse of `bounded`; what lies beyond its range is taken from just within."""
    z = z.clamp(-0.97 * BOUND, 0.97 * BOUND)
    return z / torch.sqrt(1 - (z / BOUND).square())
