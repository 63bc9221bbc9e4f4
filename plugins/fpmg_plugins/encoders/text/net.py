"""The network of texts: what a text says goes straight into the vector and back, BERT layers read the rest.

The straight path is linear each way, so it learns within few steps, as principal components of what is said would. How it is said is
no matter of the network: phrases that are frequent are followed towards what the vector holds (`writing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_plugins.encoders.autoencoding import BOUND, Coder
from fpmg_plugins.encoders.bert import Blocks, Positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

BUCKETS = 2048  # that words are hashed to for the reader
USUAL = 8  # findings of a text, about: sets the scale of the straight path
RARE = -3.0  # logit of what may be said before anything is learnt
INTO = 0.3  # of a finding's, a word's share in a vector at the start
LESS = 0.1  # a word counts so much less than a finding in the loss


class TextCoder(Coder):
    """batch: codes int64 [n, length], the words' buckets, 0 behind the text; bag [n, findings + words + sizes], 1 where the text says it,

    or is of that size;

    where a public model of width `hidden` has read the text in place of the layers, read [n, hidden].

    Three quarters of a vector hold what is said, the last quarter what the layers read. The loss is the cross-entropy of what is
    said, findings in full and words at `LESS`.
    """

    weight: Tensor

    def __init__(
        self, length: int, findings: int, words: int, sizes: int, dim: int, width: int, layers: int, heads: int, hidden: int = 0
    ) -> None:
        super().__init__()
        self.straight = dim - dim // 4
        rest = dim - self.straight
        self.reader = None
        if rest:
            self.reader = Head(hidden, rest) if hidden else Reader(length, rest, width, layers, heads)
        self.found = nn.Linear(findings + words + sizes, self.straight)
        self.say = nn.Linear(dim, findings + words + sizes)
        weight = torch.cat([torch.ones(findings), torch.full((words,), LESS), torch.ones(sizes)])
        self.register_buffer("weight", weight, persistent=False)
        _straight(self.found, self.say, torch.where(weight < 1.0, INTO, 1.0))

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        z: Tensor = self.found(batch["bag"].float())
        if self.reader is not None:
            z = torch.cat([z, self.reader(batch, self.ragged or not self.training)], dim=1)
        # as Bottleneck does, without a norm before it: twice the findings are twice the way
        return z / torch.sqrt(1 + (z / BOUND).square())

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        missed = F.binary_cross_entropy_with_logits(self.say(self.encode(batch)), batch["bag"].float(), reduction="none")
        losses: Tensor = missed @ self.weight
        return losses

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        return {"logits": self.say(z), "z": z}


def _straight(into: nn.Linear, back: nn.Linear, weight: Tensor) -> None:
    """Start as a random projection and its adjoint: what is said stands out before anything is learnt."""
    nn.init.normal_(into.weight, std=USUAL**-0.5)
    nn.init.zeros_(into.bias)
    with torch.no_grad():
        into.weight.mul_(weight)
        back.weight.zero_()
        back.weight[:, : into.out_features] = into.weight.T * (USUAL / into.out_features)
        back.bias.fill_(RARE)


class Reader(nn.Module):
    """BERT layers over the words to [n, dim]."""

    def __init__(self, length: int, dim: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.words = nn.Embedding(BUCKETS, width)
        self.where = Positions(length, width)
        self.read = Blocks(width, layers, heads)
        self.norm = nn.LayerNorm(2 * width)
        self.project = nn.Linear(2 * width, dim)
        nn.init.normal_(self.project.weight, std=(2 * width) ** -0.5)
        nn.init.zeros_(self.project.bias)

    def forward(self, batch: Mapping[str, Tensor], ragged: bool = False) -> Tensor:
        """ragged: without reading on behind the longest text of the batch."""
        codes = batch["codes"]
        if ragged:
            codes = codes[:, : max(1, int((codes > 0).any(dim=0).sum()))]
        real = (codes > 0).float()
        real[:, 0] = 1.0  # an empty text is one blank
        words = self.words(codes)
        hidden = self.read(words + self.where(len(codes))[:, : codes.shape[1]], real)
        share = (real / real.sum(dim=1, keepdim=True))[:, :, None]
        z: Tensor = self.project(self.norm(torch.cat([(hidden * share).sum(1), (words * share).sum(1) * 4.0], dim=1)))
        return z


class Head(nn.Module):
    """What a frozen model read to [n, dim]."""

    def __init__(self, hidden: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.project = nn.Linear(hidden, dim)
        nn.init.normal_(self.project.weight, std=hidden**-0.5)
        nn.init.zeros_(self.project.bias)

    def forward(self, batch: Mapping[str, Tensor], ragged: bool = False) -> Tensor:
        z: Tensor = self.project(self.norm(batch["read"]))
        return z
