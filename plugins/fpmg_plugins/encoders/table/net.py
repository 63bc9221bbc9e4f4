"""The network of mixed-type tables: numbers, whether they are there, and levels, each with its own loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.autoencoding import Coder, bounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

PRECISE = 3.0  # weight of squared errors beside cross-entropies: a number is to come back to its own step
RARE = 3.0  # what is missing is rare: at the scale of a 0/1 flag the bottleneck would not spend a direction on it


class TableCoder(Coder):
    """k numbers as scores with a mask, levels as codes. A linear path beside the hidden layer learns within few steps.

    batch: scores [n, k], seen [n, k], codes [n, m]. The loss is the mean over columns of squared error (seen numbers only) plus
    cross-entropy of the mask, or cross-entropy of the level ("missing" being one).
    """

    def __init__(self, k: int, sizes: Sequence[int], dim: int, hidden: int) -> None:
        super().__init__()
        self.k, self.sizes = k, tuple(sizes)
        width = 2 * k + sum(sizes)
        self.lift = nn.Linear(width, hidden)
        self.squeeze = nn.Linear(hidden + width, dim)
        self.unfold = nn.Linear(dim, hidden)
        self.deep = nn.Linear(hidden, width)
        self.direct = nn.Linear(dim, width, bias=False)
        # no normalisation in between: a number's place must not depend on the row's other columns
        nn.init.normal_(self.squeeze.weight, std=(hidden + width) ** -0.5)
        nn.init.zeros_(self.squeeze.bias)
        nn.init.zeros_(self.deep.bias)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        x = self._inputs(batch)
        return bounded(self.squeeze(torch.cat([F.gelu(self.lift(x)), x], dim=1)))

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        out = self.deep(F.gelu(self.unfold(z))) + self.direct(z)
        return {"scores": out[:, : self.k], "there": out[:, self.k : 2 * self.k], "levels": out[:, 2 * self.k :]}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        out = self.decode(self.encode(batch))
        seen = batch["seen"]
        losses = PRECISE * (seen * (out["scores"] - batch["scores"]).square()).sum(1)
        losses = losses + F.binary_cross_entropy_with_logits(out["there"], seen, reduction="none").sum(1)
        for j, logits in enumerate(torch.split(out["levels"], list(self.sizes), dim=1) if self.sizes else ()):
            losses = losses + F.cross_entropy(logits, batch["codes"][:, j], reduction="none")
        return losses / (self.k + len(self.sizes))

    def _inputs(self, batch: Mapping[str, Tensor]) -> Tensor:
        one_hot = [F.one_hot(batch["codes"][:, j], size).float() for j, size in enumerate(self.sizes)]
        return torch.cat([batch["scores"], RARE * (1 - batch["seen"]), *one_hot], dim=1)
