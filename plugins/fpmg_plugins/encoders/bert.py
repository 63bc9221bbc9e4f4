"""BERT encoder layers (Devlin et al., 2019) out of Linear, LayerNorm and plain products, so that per-example gradients are exact.

Weights, their names and every bit of the result are those of transformers' `BertLayer` (tested), whose import would cost each
trial two seconds. Positions are our own and expanded over the batch, nothing is tied, nothing has a padding index, there is no
dropout: each of these breaks ghost clipping, some silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

UNSEEN = -1e4  # added to attention scores of keys that are padding
EPS = 1e-12  # of LayerNorm, as BERT has it


class Sizes(Protocol):
    """What an encoder of such layers is built by: the dimensions of its vectors and of its layers, and how many there are."""

    @property
    def dim(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def heads(self) -> int: ...


class Attention(nn.Module):
    """Heads over [n, t, width]; mask [n, 1, 1, t] is added to the scores."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (
            part(x).view(*x.shape[:2], self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        scores = torch.matmul(query, key.transpose(2, 3)) * self.scale
        weights = F.softmax(scores if mask is None else scores + mask, dim=-1)
        return torch.matmul(weights, value).transpose(1, 2).contiguous().reshape(*x.shape[:2], -1)


class Added(nn.Module):
    """A linear map added to what it started from, normalised."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, width)
        self.LayerNorm = nn.LayerNorm(width, eps=EPS)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(self.dense(x) + before)
        return normed


class Layer(nn.Module):
    """One encoder layer; the names of its parts are transformers'."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": Attention(width, heads), "output": Added(width, width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 2 * width)})
        self.output = Added(2 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        attended = self.attention["output"](self.attention["self"](x, mask), x)
        out: Tensor = self.output(F.gelu(self.intermediate["dense"](attended)), attended)
        return out


class Blocks(nn.Module):
    """BERT encoder layers over [n, t, width]; real [n, t] says which positions may be attended to (all if None)."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))

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
        found: Tensor = self.table(torch.arange(self.steps, device=self.table.weight.device).repeat(n, 1))
        return found
