"""Texts as the pieces of a public vocabulary: what `transformer-ae` does for the kind "text"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

from fpmg_bench.types import Text
from fpmg_plugins.encoders.bert import Sizes
from fpmg_plugins.encoders.text import finding_planner, public_reader, vocabulary
from fpmg_plugins.encoders.text.net import TextCoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Schema, State

MOST = 40  # findings of a text that count in full under privacy
SLOPE, HALF = 10.0, 0.4  # logit = SLOPE (reconstruction - HALF): a finding is more likely than not from HALF on
PIECE = 3  # characters that a token of the vocabulary stands for, at least, in English


class Settings(Sizes, Protocol):
    """Sizes of the layers, pieces of a text at most, and the public model that reads in their place."""

    @property
    def tokens(self) -> int: ...
    @property
    def pretrained(self) -> str: ...


def network(settings: Settings, schema: Schema) -> TextCoder:
    """A fresh network for texts of at most `tokens` pieces."""
    s, pieces = settings, len(vocabulary.pieces())
    hidden = public_reader.width(s.pretrained) if s.pretrained else 0
    return TextCoder(_length(s, schema), pieces, s.dim, s.width, s.layers, s.heads, hidden)


def features(settings: Settings, schema: Schema, data: Any) -> dict[str, Tensor]:
    """tokens int64 [n, length]; bag uint8 [n, 2 k], the findings of the whole text; read [n, hidden] by a frozen model."""
    seen = {
        "tokens": torch.from_numpy(vocabulary.encode(data.strings, _length(settings, schema))),
        "bag": torch.from_numpy(finding_planner.bags(data.strings)),
    }
    return seen | ({"read": public_reader.read(settings.pretrained, data.strings)} if settings.pretrained else {})


def records(schema: Schema, outputs: Mapping[str, Tensor]) -> Text:
    """The strings of tokens [n, length] and of findings expected [n, 2 k], within the schema's characters."""
    pairs = zip(outputs["tokens"].tolist(), outputs["expected"].numpy(), strict=True)
    return Text(tuple(finding_planner.complete(vocabulary.decode(row), expected, schema.shape[0]) for row, expected in pairs))


def statistics(shard: Shard) -> State:
    """Sums of the findings and of their products, and the number of patients: one charged access."""
    moments = shard.moments(lambda rows: torch.from_numpy(finding_planner.bags(rows.strings)), MOST**0.5)
    n = torch.tensor(moments.n, dtype=torch.float64)
    return {"sums/n": n, "sums/first": n * moments.mean, "sums/second": n * moments.second}


def principal(state: State, stats: State, module: str) -> State:
    """The state with the straight path at the principal components of the findings, exact for all silos together."""
    mean, second = stats["sums/first"] / stats["sums/n"], stats["sums/second"] / stats["sums/n"]
    values, vectors = torch.linalg.eigh(second - torch.outer(mean, mean))
    d = len(state[f"{module}/found.bias"])
    sd = values.flip(0)[:d].clamp(min=1e-8).sqrt()
    axes = vectors.flip(1)[:, :d]
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()  # the largest entry is positive
    size = (sd * sd[0]).sqrt()  # half-way to unit variance: rare findings count, and do not drown the rest
    into = axes / size
    back = SLOPE * axes * size
    start = {
        "found.weight": into.T,
        "found.bias": -mean @ into,
        "say.weight": back,
        "say.bias": SLOPE * (mean - HALF),
    }
    return state | {f"{module}/{name}": value.float().contiguous() for name, value in start.items()}


def _length(settings: Settings, schema: Schema) -> int:
    return max(4, min(settings.tokens, schema.shape[0] // PIECE + 1))
