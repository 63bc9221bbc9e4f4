"""What a public network says about pictures or texts: features standardised in their own record, nothing fitted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from fpmg_bench.errors import PluginError
from fpmg_plugins.encoders import pixels, timm_backbone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fpmg_bench.types import Schema

APART = 0.6  # standard deviation between records of a feature whose record has 1, about: a convention, not fitted
AT_ONCE = 32  # texts in the network at once
TOKENS = 128


@dataclass(frozen=True)
class PublicNetwork:
    """A timm network for pictures of working size `side`, or a transformers encoder for texts, as readers of one modality."""

    schema: Schema
    name: str
    weights: str
    side: int

    @property
    def width(self) -> int:
        """Columns of `features`."""
        if self.schema.kind == "text":
            return int(_transformer(self.name)[1].config.hidden_size)
        one = self._backbone().width
        return one if pixels.channels(self.schema) == self.schema.shape[-3] else 2 * one

    def features(self, data: Any) -> Tensor:
        """[n, width] float32, of variance about 1 between records. A video: mean of frames, last minus first."""
        if self.schema.kind == "text":
            return _read_texts(self.name, data.strings) / APART
        small = pixels.reduced(self.schema, data, self.side)
        single = timm_backbone.read(self._backbone(), small.reshape(-1, self.schema.shape[-3], self.side, self.side))
        return timm_backbone.summary(single / APART, len(small))

    def digest(self) -> Tensor:
        """int64 [1]: which weights were used."""
        return timm_backbone.digest(_transformer(self.name)[1] if self.schema.kind == "text" else self._backbone())

    def _backbone(self) -> timm_backbone.Backbone:
        return timm_backbone.frozen(self.name, self.weights, self.schema.shape[-3], self.side)


@lru_cache(maxsize=2)
def _transformer(network: str) -> tuple[Any, torch.nn.Module]:
    """Tokenizer and encoder of a directory or a hub name; safetensors only, so nothing is unpickled."""
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(network)
        model = AutoModel.from_pretrained(network, use_safetensors=True)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0][:200]
        raise PluginError(
            f"transformers cannot load {network!r}: {first}",
            "give a directory with config.json, a tokenizer and model.safetensors",
        ) from error
    return tokenizer, model.eval().requires_grad_(False)


def _read_texts(network: str, strings: Sequence[str]) -> Tensor:
    """Mean of the last layer over a text's tokens, standardised in its text."""
    tokenizer, model = _transformer(network)
    found = [torch.zeros(0, int(model.config.hidden_size))]
    for start in range(0, len(strings), AT_ONCE):
        part = list(strings[start : start + AT_ONCE])
        batch = tokenizer(part, padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state
        share = batch["attention_mask"][:, :, None].to(hidden.dtype)
        mean = (hidden * share).sum(1) / share.sum(1).clamp(min=1.0)
        found.append(F.layer_norm(mean, mean.shape[1:]))
    return torch.cat(found)
