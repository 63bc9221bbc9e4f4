"""Any timm network as a reader of images: the means over the map of each of its levels, each level standardised in its record."""

from __future__ import annotations

import difflib
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_bench.devices import CPU
from fpmg_bench.errors import PluginError
from fpmg_bench.keys import seed_for
from fpmg_plugins import training
from fpmg_plugins.encoders import public_weights as frozen_weights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


HUB = "hub"
AT_ONCE = 64  # images in the network at once while nothing is trained
CENTRE, SPREAD = 0.45, 0.225  # of brightness 0 to 1, where a network says nothing about the pictures it was trained on


class Backbone(nn.Module):
    """forward(x [n, channels, side, side], brightness 0 to 1) -> features [n, width]; rows do not meet unless a layer mixes them."""

    centre: Tensor
    spread: Tensor

    def __init__(self, model: nn.Module, channels: int, side: int) -> None:
        super().__init__()
        self.model = model
        said: Any = getattr(model, "pretrained_cfg", None) or {}
        # an input that must have one size is enlarged to it; all others are read as they come
        self.side = int(said["input_size"][-1]) if said.get("fixed_input_size") else side
        for name, key, rest in (("centre", "mean", CENTRE), ("spread", "std", SPREAD)):
            self.register_buffer(name, _channels(said.get(key), channels, rest), persistent=False)
        with torch.no_grad():
            was = model.training
            self.width = self.eval().forward(torch.zeros(1, channels, side, side)).shape[1]
            self.train(was)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.side:
            x = F.interpolate(x, (self.side, self.side), mode="bilinear", align_corners=False, antialias=True)
        x = (x - self.centre[:, None, None]) / self.spread[:, None, None]
        model: Any = self.model  # timm adds this method to nn.Module, without a type
        levels: list[Tensor] = model.forward_intermediates(x, intermediates_only=True)
        means = [level.mean((2, 3)) for level in levels]
        return torch.cat([F.layer_norm(mean, mean.shape[1:]) for mean in means], dim=1)


def _channels(values: Any, channels: int, rest: float) -> Tensor:
    """One number a channel; the mean of the colours where their number is another."""
    known = torch.tensor(values if values else (rest,), dtype=torch.float32)
    return known if len(known) == channels else known.mean().expand(channels).clone()


def frozen(name: str, weights: str, channels: int, side: int, device: str = CPU) -> Backbone:
    """The network in evaluation mode without gradients; kept, since it is the same in every call. weights "": seeded random ones.

    Batch normalisation is left in place: it applies fixed numbers, row by row.
    """
    file = frozen_weights.find(weights) if weights not in ("", HUB) else None
    return _frozen(name, weights, channels, side, (file, file.stat().st_mtime_ns) if file else None, device)


@lru_cache(maxsize=4)
def _frozen(name: str, weights: str, channels: int, side: int, version: tuple[Path, int] | None, device: str) -> Backbone:
    rng = torch.Generator().manual_seed(seed_for(0, "timm", name, channels))
    made = training.seeded(lambda: _of(name, weights, channels, side), rng).eval().requires_grad_(False)
    return made.to(device).to(memory_format=torch.channels_last)  # 2.5 times faster at 32 pixels: tests/bench


def _of(name: str, weights: str, channels: int, side: int) -> Backbone:
    model = _model(name, weights, channels)
    # batch normalisation that has seen no data does nothing, and random features fade from level to level
    return Backbone(model if weights else without_batch_norm(model), channels, side)


def trainable(name: str, weights: str, channels: int, side: int) -> Backbone:
    """The network with group instead of batch normalisation, fit for per-example gradients. Draws from torch's global generator."""
    return Backbone(without_batch_norm(_model(name, weights, channels)), channels, side)


def digest(backbone: nn.Module) -> Tensor:
    """63 bits of the sha256 of all weights, int64 [1]: an integer, so it never travels."""
    found = hashlib.sha256()
    for value in backbone.state_dict().values():
        found.update(value.detach().contiguous().numpy().tobytes())
    return torch.tensor([int.from_bytes(found.digest()[:8], "big") >> 1])


def read(backbone: Backbone, images: Tensor) -> Tensor:
    """Features [n, width] of uint8 images [n, channels, side, side], a few at a time, without gradients; both on the CPU."""
    there = backbone.centre.device
    with torch.no_grad():
        raw = (part.to(there).float().div(255) for part in torch.split(images, AT_ONCE))
        parts = (part.contiguous(memory_format=torch.channels_last) for part in raw)
        return torch.cat([torch.zeros(0, backbone.width), *(backbone(part).to(CPU) for part in parts)])


def summary(features: Tensor, n: int) -> Tensor:
    """Features [n * frames, width] to [n, width] of pictures, or [n, 2 width] of videos: mean, and last minus first frame."""
    each = features.reshape(n, len(features) // max(n, 1), features.shape[1])
    return each[:, 0] if each.shape[1] == 1 else torch.cat([each.mean(1), each[:, -1] - each[:, 0]], dim=1)


def without_batch_norm(model: nn.Module) -> nn.Module:
    """The same model, in place: batch normalisation becomes group normalisation with its scale and shift, no layer writes in place.

    By isinstance: timm's own batch normalisation layers are subclasses (and carry the activation), which validators miss.
    """
    for parent in list(model.modules()):
        if hasattr(parent, "inplace"):
            parent.inplace = False  # type: ignore[assignment]  # declared by torch as a tensor or module. Hooks of per-example gradients need the input
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                setattr(parent, name, _grouped(layer))
    if isinstance(model, nn.modules.batchnorm._BatchNorm):
        raise PluginError("a network that is one batch normalisation cannot be trained")
    running = [key for key, _ in model.named_buffers() if "running" in key]
    if running:
        raise PluginError(
            f"{type(model).__name__}: {running[0]} mixes the rows of a batch", "choose another backbone, or freeze it"
        )
    return model


def _grouped(layer: Any) -> nn.Module:
    channels = layer.num_features
    norm = nn.GroupNorm(next(groups for groups in (8, 4, 2, 1) if channels % groups == 0), channels, layer.eps)
    if layer.affine:
        norm.weight.data.copy_(layer.weight.data)
        norm.bias.data.copy_(layer.bias.data)
    after = [part for part in (getattr(layer, "drop", None), getattr(layer, "act", None)) if part is not None]
    for part in after:
        if hasattr(part, "inplace"):
            part.inplace = False
    return nn.Sequential(norm, *after) if after else norm


def _model(name: str, weights: str, channels: int) -> nn.Module:
    import timm

    if weights == HUB:
        return _downloaded(name, channels)
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models())
        raise PluginError(f"timm has no model {name!r}", f"it has {', '.join(near)}" if near else "timm.list_models() names them")
    model: nn.Module = timm.create_model(name, pretrained=False, in_chans=channels, num_classes=0)
    if not hasattr(model, "forward_intermediates"):
        raise PluginError(f"timm's {name!r} does not show its levels (forward_intermediates)", "choose another backbone")
    if weights:
        _load(model, name, frozen_weights.find(weights), channels)
    return model


def _load(model: nn.Module, name: str, file: Path, channels: int) -> None:
    """Every weight of the model from the file; a first layer of three colours is summed up to the channels there are."""
    from timm.models import adapt_input_conv

    found = frozen_weights.read(file)
    said: Any = model.pretrained_cfg
    first = said.get("first_conv") or ()
    for layer in (first,) if isinstance(first, str) else first:
        key = f"{layer}.weight"
        if key in found and found[key].shape[1] != channels and found[key].shape[1] == 3:
            found[key] = adapt_input_conv(channels, found[key])
    wanted = model.state_dict()
    wrong = [key for key, value in wanted.items() if key not in found or found[key].shape != value.shape]
    if wrong:
        have = tuple(found[wrong[0]].shape) if wrong[0] in found else "nothing"
        raise PluginError(
            f"{file} does not fit timm's {name!r}: {wrong[0]} wants {tuple(wanted[wrong[0]].shape)}, the file has {have}",
            f"{len(wrong)} of {len(wanted)} tensors differ; name the backbone that these weights belong to",
        )
    model.load_state_dict({key: found[key] for key in wanted})


def _downloaded(name: str, channels: int) -> nn.Module:
    import timm

    try:
        model: nn.Module = timm.create_model(name, pretrained=True, in_chans=channels, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:  # what huggingface_hub and urllib raise without a network
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise PluginError(
            f"timm's weights of {name!r} cannot be had: {first}",
            f"without a network (HF_HUB_OFFLINE=1 says so at once) {frozen_weights.LOCAL}",
        ) from error
    return model
