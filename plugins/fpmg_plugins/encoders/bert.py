"""transformers' BERT encoder layers, used so that per-example gradients are exact (checked with opacus: docs of Shard).

Positions are our own and expanded over the batch, nothing is tied, nothing has a padding index, dropout is 0: each of these
breaks ghost clipping, some silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

UNSEEN = -1e4  # added to attention scores of keys that are padding


class Blocks(nn.Module):
    """BERT encoder layers over [n, t, width]; real [n, t] says which positions may be attended to (all if None)."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        from transformers import BertConfig
        from transformers.models.bert.modeling_bert import BertLayer

        config = BertConfig(
            hidden_size=width,
            num_attention_heads=heads,
            intermediate_size=2 * width,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            attn_implementation="eager",
        )
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(layers))

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        mask = None if real is None else (1.0 - real.to(x.dtype))[:, None, None, :] * UNSEEN
        for layer in self.layers:
            x = layer(x, mask)
        return x


class Positions(nn.Module):
    """Learnt position embeddings [n, t, width], looked up with the full batch dimension (opacus needs it contiguous)."""

    def __init__(self, steps: int, width: int) -> None:
        super().__init__()
        self.steps = steps
        self.table = nn.Embedding(steps, width)
        nn.init.normal_(self.table.weight, std=0.3)

    def forward(self, n: int) -> Tensor:
        found: Tensor = self.table(torch.arange(self.steps).repeat(n, 1))
        return found
