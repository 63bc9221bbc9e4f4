"""The network of irregular series: one BERT encoder layer each way over the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.autoencoding import Bottleneck, Coder
from fpmg_plugins.encoders.bert import Blocks, Positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

COARSE = 6  # groups of steps that the linear path sees


class SeriesCoder(Coder):
    """t steps of c channels. A linear path over group means learns levels at once; the blocks add what happens in between.

    batch: scores [n, t, c], seen [n, t, c], times [n, t]. The loss is the squared error of what was seen, a mean over channels
    and steps, plus the squared error of times and the cross-entropy of the masks.
    """

    def __init__(self, steps: int, channels: int, dim: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.steps, self.channels = steps, channels
        self.groups = min(COARSE, steps)
        features = 2 * channels + 1
        self.lift = nn.Linear(features, width)
        self.where = Positions(steps, width)
        self.read = Blocks(width, layers, heads)
        self.bottleneck = Bottleneck(width + self.groups * features, dim)
        self.unfold = nn.Linear(dim, width)
        self.there = Positions(steps, width)
        self.write = Blocks(width, layers, heads)
        self.head = nn.Linear(width, features)
        self.direct = nn.Linear(dim, self.groups * features)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        x = torch.cat([batch["scores"], batch["seen"], batch["times"][:, :, None]], dim=2)
        hidden = self.read(self.lift(x) + self.where(len(x)))
        z: Tensor = self.bottleneck(torch.cat([hidden.mean(dim=1), self._levels(batch)], dim=1))
        return z

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        hidden = self.write(self.unfold(z)[:, None, :] + self.there(len(z)))
        coarse = self.direct(z).reshape(len(z), -1, self.groups)
        out = self.head(hidden) + F.interpolate(coarse, self.steps, mode="linear", align_corners=False).transpose(1, 2)
        c = self.channels
        return {"scores": out[:, :, :c], "there": out[:, :, c : 2 * c], "times": out[:, :, -1]}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        out = self.decode(self.encode(batch))
        seen = batch["seen"]
        missed = (seen * (out["scores"] - batch["scores"]).square()).sum((1, 2)) / seen.sum((1, 2)).clamp(min=1.0)
        gaps = F.binary_cross_entropy_with_logits(out["there"], seen, reduction="none").mean((1, 2))
        return missed + gaps / 2 + (out["times"] - batch["times"]).square().mean(1)

    def _levels(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Means over groups of steps of what was seen, its share, and the time: [n, groups * (2 c + 1)]."""
        share = F.adaptive_avg_pool1d(batch["seen"].transpose(1, 2), self.groups)
        total = F.adaptive_avg_pool1d((batch["seen"] * batch["scores"]).transpose(1, 2), self.groups)
        times = F.adaptive_avg_pool1d(batch["times"][:, None], self.groups)
        return torch.cat([total / share.clamp(min=1e-6), share, times], dim=1).flatten(1)
