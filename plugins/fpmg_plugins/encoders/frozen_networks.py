"""What a public network says about pictures or texts, on the scale that simulated patients of the phantom set."""

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

PATIENTS, SEED = 200, 0x5EED  # of the phantom that sets the scale: never those of a cohort, whose seeds are small
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
            return len(_text_scale(self.name)[0])
        one = self._backbone().width
        return one if pixels.channels(self.schema) == self.schema.shape[-3] else 2 * one

    def features(self, data: Any) -> Tensor:
        """[n, width] float32, about mean 0 and variance 1 on simulated patients. A video: mean of frames, last minus first."""
        if self.schema.kind == "text":
            mean, spread = _text_scale(self.name)
            return (_read_texts(self.name, data.strings) - mean) / spread
        mean, spread = _picture_scale(self.name, self.weights, self.schema.shape[-3], self.side)
        small = pixels.reduced(self.schema, data, self.side)
        single = timm_backbone.read(self._backbone(), small.reshape(-1, self.schema.shape[-3], self.side, self.side))
        return timm_backbone.summary((single - mean) / spread, len(small))

    def digest(self) -> Tensor:
        """int64 [1]: which weights were used."""
        return timm_backbone.digest(_transformer(self.name)[1] if self.schema.kind == "text" else self._backbone())

    def _backbone(self) -> timm_backbone.Backbone:
        return timm_backbone.frozen(self.name, self.weights, self.schema.shape[-3], self.side)


@lru_cache(maxsize=4)
def _picture_scale(network: str, weights: str, colours: int, side: int) -> tuple[Tensor, Tensor]:
    from fpmg_plugins.datasets.phantom import Phantom

    shown = Phantom(patients=PATIENTS, modalities=("image",), image_size=side, seed=SEED).load().data["image"].array()
    raw = torch.from_numpy(shown).repeat(1, colours, 1, 1)
    return _scale(timm_backbone.read(timm_backbone.frozen(network, weights, colours, side), raw))


@lru_cache(maxsize=2)
def _text_scale(network: str) -> tuple[Tensor, Tensor]:
    from fpmg_plugins.datasets.phantom import Phantom

    return _scale(_read_texts(network, Phantom(patients=PATIENTS, modalities=("text",), seed=SEED).load().data["text"].strings))


def _scale(found: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature; what hardly moves among the simulated is not blown up."""
    spread = found.std(0)
    return found.mean(0), spread.clamp(min=float(spread.median().clamp(min=1e-6)) / 2)


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
