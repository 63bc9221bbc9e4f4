"""The network of short texts: BERT encoder layers read, a small causal network writes token by token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.autoencoding import Bottleneck, Coder
from fpmg_plugins.encoders.bert import Blocks, Positions
from fpmg_plugins.encoders.vocabulary import END

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

BEHIND = 3  # tokens that the writer looks back on (Bengio et al., 2003): it needs no attention, and writes fast
NARROW = 32  # width before the vocabulary: logits cost most of a step


class TextCoder(Coder):
    """Texts of `length` tokens. batch: tokens int64 [n, length], END behind the text. The loss is the mean cross-entropy of a

    text's tokens, its END included, each given the vector and the tokens before it.
    """

    def __init__(self, length: int, vocabulary: int, dim: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.length = length
        self.words = nn.Embedding(vocabulary, width)
        self.where = Positions(length, width)
        self.read = Blocks(width, layers, heads)
        self.bottleneck = Bottleneck(2 * width, dim)
        self.said = nn.Embedding(vocabulary, NARROW)
        self.there = Positions(length, width)
        self.topic = nn.Linear(dim, width)
        self.past = nn.Linear(BEHIND * NARROW, width)
        self.mix = nn.Linear(width, width)
        self.narrow = nn.Linear(2 * width, NARROW)
        self.logits = nn.Linear(NARROW, vocabulary)

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        tokens = batch["tokens"]
        real = _real(tokens)
        words = self.words(tokens)
        hidden = self.read(words + self.where(len(tokens)), real)
        share = (real / real.sum(dim=1, keepdim=True))[:, :, None]
        z: Tensor = self.bottleneck(torch.cat([(hidden * share).sum(1), (words * share).sum(1) * 4.0], dim=1))
        return z

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        tokens = batch["tokens"]
        z = self.encode(batch)
        before = F.pad(tokens, (BEHIND, 0), value=END)[:, :-1].contiguous()
        said = self._before_logits(z, self.said(before), self.there(len(tokens)))
        real = _real(tokens)
        if self.ragged:
            kept = real.bool()
            losses = torch.zeros_like(real).masked_scatter(
                kept, F.cross_entropy(self.logits(said[kept]), tokens[kept], reduction="none")
            )
        else:
            logits = self.logits(said)
            losses = F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").reshape(tokens.shape) * real
        return losses.sum(1) / real.sum(1)

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        """The likeliest token at each step, given those before it; END for ever after the first END."""
        n = len(z)
        tokens = torch.full((n, BEHIND + self.length), END)
        places = self.there(1)
        ended = torch.zeros(n, dtype=torch.bool)
        for step in range(self.length):
            logits = self._write(z, self.said(tokens[:, step : step + BEHIND]), places[:, step : step + 1].expand(n, 1, -1))
            best = torch.where(ended, END, logits[:, 0].argmax(dim=1))
            tokens[:, BEHIND + step] = best
            ended |= best == END
        return {"tokens": tokens[:, BEHIND:]}

    def _write(self, z: Tensor, said: Tensor, places: Tensor) -> Tensor:
        """Logits [n, t, vocabulary]; see `_before_logits`."""
        scores: Tensor = self.logits(self._before_logits(z, said, places))
        return scores

    def _before_logits(self, z: Tensor, said: Tensor, places: Tensor) -> Tensor:
        """[n, t, NARROW] from embeddings [n, t + BEHIND - 1, NARROW] of what was said up to each position."""
        steps = places.shape[1]
        window = torch.cat([said[:, at : at + steps] for at in range(BEHIND)], dim=2)
        hidden = F.gelu(self.past(window) + self.topic(z)[:, None, :] + places)
        both = torch.cat([hidden, F.gelu(self.mix(hidden))], dim=2)
        narrow: Tensor = self.narrow(both)
        return narrow


def _real(tokens: Tensor) -> Tensor:
    """float [n, t]: 1 up to and with the first END."""
    return ((tokens == END).long().cumsum(dim=1) <= 1).float()
