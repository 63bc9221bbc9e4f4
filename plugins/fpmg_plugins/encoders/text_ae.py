"""Texts as the pieces of a public vocabulary: what `transformer-ae` does for the kind "text"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fpmg_bench.types import Text
from fpmg_plugins.encoders import agenda, vocabulary
from fpmg_plugins.encoders.text_net import TextCoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.types import Schema
    from fpmg_plugins.encoders.transformer_ae import TransformerAe

PIECE = 3  # characters that a token of the vocabulary stands for, at least, in English


def network(settings: TransformerAe, schema: Schema) -> TextCoder:
    """A fresh network for texts of at most `tokens` pieces."""
    pieces = len(vocabulary.pieces())
    return TextCoder(_length(settings, schema), pieces, settings.dim, settings.width, settings.layers, settings.heads)


def features(settings: TransformerAe, schema: Schema, data: Any) -> dict[str, Tensor]:
    """tokens int64 [n, length]; bag uint8 [n, 2 k], the findings of the whole text."""
    return {
        "tokens": torch.from_numpy(vocabulary.encode(data.strings, _length(settings, schema))),
        "bag": torch.from_numpy(agenda.bags(data.strings)),
    }


def records(schema: Schema, outputs: Mapping[str, Tensor]) -> Text:
    """The strings of tokens [n, length], within the schema's characters."""
    return Text(tuple(vocabulary.decode(row)[: schema.shape[0]].rstrip() for row in outputs["tokens"].tolist()))


def _length(settings: TransformerAe, schema: Schema) -> int:
    return max(4, min(settings.tokens, schema.shape[0] // PIECE + 1))
