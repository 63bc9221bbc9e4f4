"""What a public network says about pictures or texts, on the scale that simulated patients of the phantom set."""

from __future__ import annotations

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


def features(schema: Schema, data: Any, network: str, weights: str, side: int) -> Tensor:
    """[n, width] float32, about mean 0 and variance 1 on simulated patients. A video: mean of frames, last minus first."""
    if schema.kind == "text":
        mean, spread = _text_scale(network)
        return (_read_texts(network, data.strings) - mean) / spread
    colours = schema.shape[-3]
    mean, spread = _picture_scale(network, weights, colours, side)
    backbone = timm_backbone.frozen(network, weights, colours, side)
    small = pixels.reduced(schema, data, side)
    single = (timm_backbone.read(backbone, small.reshape(-1, colours, side, side)) - mean) / spread
    return timm_backbone.summary(single, len(small))


def width(schema: Schema, network: str, weights: str, side: int) -> int:
    """Columns of `features`."""
    if schema.kind == "text":
        return len(_text_scale(network)[0])
    one = timm_backbone.frozen(network, weights, schema.shape[-3], side).width
    return one if pixels.channels(schema) == schema.shape[-3] else 2 * one


def digest(schema: Schema, network: str, weights: str, side: int) -> Tensor:
    """int64 [1]: which weights were used."""
    if schema.kind == "text":
        return timm_backbone.digest(_transformer(network)[1])
    return timm_backbone.digest(timm_backbone.frozen(network, weights, schema.shape[-3], side))


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
