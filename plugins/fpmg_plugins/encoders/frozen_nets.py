"""Decoders that are trained on frozen vectors: small, and the only thing of `frozen` that learns from patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders import pca_views, pixels, vocabulary
from fpmg_plugins.encoders.autoencoding import Coder
from fpmg_plugins.encoders.frozen_pixels import PixelDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.types import Schema

HIDDEN = 128
BEHIND = 3  # pieces that the writer looks back on
NARROW = 32  # width before the vocabulary
VALUES = 40.0  # squared errors on scales of 0 to 1 count so much beside cross-entropies


class Drawing(Coder):
    """Vectors to pictures. batch: z [n, dim], pixels uint8 [n, channels, side, side]; the loss is the mean squared error."""

    def __init__(self, schema: Schema, side: int, dim: int, width: int) -> None:
        super().__init__()
        self.decoder = PixelDecoder(pixels.channels(schema), side, dim, width)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        return batch["z"]

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        return {"pixels": self.decoder(z)}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        return (self.decoder(batch["z"]) - pixels.scaled(batch["pixels"])).square().flatten(1).mean(1)


class Filling(Coder):
    """Vectors to the rows of `pca_views` (tables, series): values, masks, and levels or times.

    batch: z [n, dim], rows [n, 2 k + blocks]. The loss is the mean squared error of what was seen, the cross-entropy of the
    masks, and the cross-entropy of levels or the squared error of times.
    """

    def __init__(self, schema: Schema, dim: int) -> None:
        super().__init__()
        view = pca_views.view(schema)
        self.k, self.blocks, self.levels = view.k, view.blocks, view.levels
        width = 2 * self.k + sum(self.blocks)
        self.deep = nn.Sequential(nn.Linear(dim, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, width))
        self.direct = nn.Linear(dim, width)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        return batch["z"]

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        out = self.deep(z) + self.direct(z)
        values, masks, rest = out[:, : self.k] / 4 + 0.5, out[:, self.k : 2 * self.k], out[:, 2 * self.k :]
        return {"values": values, "masks": masks, "rest": rest if self.levels else rest / 4 + 0.5}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        out, rows, k = self.decode(batch["z"]), batch["rows"], self.k
        seen = rows[:, k : 2 * k]
        losses = torch.zeros(len(rows))
        if k:
            missed = (seen * (out["values"] - rows[:, :k]).square()).sum(1) / seen.sum(1).clamp(min=1.0)
            gaps = F.binary_cross_entropy_with_logits(out["masks"], seen, reduction="none")
            losses = losses + VALUES * missed + gaps.mean(1)
        if not self.levels:
            return losses + VALUES * (out["rest"] - rows[:, 2 * k :]).square().mean(1)
        parts = zip(torch.split(out["rest"], self.blocks, 1), torch.split(rows[:, 2 * k :], self.blocks, 1), strict=True)
        for said, hot in parts if self.blocks else ():
            losses = losses + F.cross_entropy(said, hot, reduction="none") / len(self.blocks)
        return losses


class Writing(Coder):
    """Vectors to the pieces of a public vocabulary, each given the vector and the BEHIND pieces before it (Bengio et al., 2003).

    batch: z [n, dim], tokens int64 [n, length]. The loss is the mean cross-entropy of a text's pieces, its END included.
    """

    def __init__(self, length: int, dim: int) -> None:
        super().__init__()
        size = len(vocabulary.pieces())
        self.length = length
        self.said = nn.Embedding(size, NARROW)
        self.there = nn.Embedding(length, HIDDEN)
        self.topic = nn.Linear(dim, HIDDEN)
        self.past = nn.Linear(BEHIND * NARROW, HIDDEN)
        self.narrow = nn.Linear(HIDDEN, NARROW)
        self.logits = nn.Linear(NARROW, size)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        return batch["z"]

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        tokens = batch["tokens"]
        before = F.pad(tokens, (BEHIND, 0), value=vocabulary.END)[:, :-1].contiguous()
        logits = self._next(batch["z"], self.said(before), torch.arange(self.length))
        real = ((tokens == vocabulary.END).long().cumsum(1) <= 1).float()
        losses = F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").reshape(tokens.shape)
        return (losses * real).sum(1) / real.sum(1)

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        """The likeliest piece at each step; END for ever after the first END."""
        tokens = torch.full((len(z), BEHIND + self.length), vocabulary.END)
        ended = torch.zeros(len(z), dtype=torch.bool)
        for step in range(self.length):
            logits = self._next(z, self.said(tokens[:, step : step + BEHIND]), torch.tensor([step]))
            tokens[:, BEHIND + step] = torch.where(ended, vocabulary.END, logits[:, 0].argmax(1))
            ended |= tokens[:, BEHIND + step] == vocabulary.END
        return {"tokens": tokens[:, BEHIND:]}

    def _next(self, z: Tensor, said: Tensor, at: Tensor) -> Tensor:
        """Logits [n, t, pieces] at the places `at` [t], from embeddings [n, t + BEHIND - 1, NARROW] of what was said."""
        steps = len(at)
        window = torch.cat([said[:, back : back + steps] for back in range(BEHIND)], dim=2)
        place = self.there(at.repeat(len(z), 1))
        hidden = F.gelu(self.past(window) + self.topic(z)[:, None, :] + place)
        logits: Tensor = self.logits(self.narrow(hidden))
        return logits
