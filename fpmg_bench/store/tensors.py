"""Trees of tensors as safetensors, with their sharing: one object at several silos is stored once, and one object when read."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import StoreError
from fpmg_bench.store.shapes import misfit

if TYPE_CHECKING:
    from torch import Tensor

    Tree = Mapping[Any, Any]

_NUMBER = re.compile(r"'*-?\d+")
_SEPARATOR = "|"
WAY_OUT = "delete it; what it held is computed again"


def pack(tree: Tree, note: Mapping[str, Any]) -> bytes:
    """safetensors bytes of nested mappings with tensors at the leaves: {silo: {"<module>/<name>": tensor}} or deeper.

    A tensor's name is its path, "<silo>|<module>/<name>". `note`: JSON kept in the header. Equal input, equal bytes.
    """
    from safetensors.torch import save

    plan = _Plan()
    plan.walk(tree, ())
    header = {"note": note, "layout": plan.layout}
    return _sealed(save(plan.stored, metadata={"fpmg": json.dumps(header, sort_keys=True)}))


def unpack(data: bytes) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The tree and the note of `pack`. Raises StoreError for bytes that are torn, changed, or written by something else."""
    from safetensors.torch import load

    head, body = _parts(data)
    seal = head["__metadata__"].pop("sha256", None)
    if seal != _checksum(head, body):
        raise StoreError("was changed after it was written (checksum)", WAY_OUT)
    header, tensors = json.loads(head["__metadata__"]["fpmg"]), load(data)
    tree: dict[Any, Any] = {}
    for path, how, first in header["layout"]:
        _place(tree, path, _item(tree, tensors, path, how, first))
    return tree, header["note"]


def _sealed(data: bytes) -> bytes:
    """The same safetensors file with a checksum of its header and its bytes among its metadata."""
    head, body = _parts(data)
    head["__metadata__"]["sha256"] = _checksum(head, body)
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the format's own padding: tensors begin at a multiple of 8
    return b"".join((struct.pack("<Q", len(text)), text, body))


def _parts(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """The header of a safetensors file with text among its metadata, and the bytes after it. Raises StoreError."""
    try:
        (size,) = struct.unpack("<Q", data[:8])
        head = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError, struct.error) as error:
        raise StoreError("is cut, or no state file" if data else "is empty", WAY_OUT) from error
    if misfit(head, {"__metadata__": {"fpmg": str}}):
        raise StoreError("is a state file of another program", WAY_OUT)
    return head, memoryview(data)[8 + size :]


def _checksum(head: Mapping[str, Any], body: memoryview) -> str:
    total = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    total.update(body)
    return total.hexdigest()


@dataclass(slots=True)
class _Plan:
    """What is stored under which name. layout: (path, how, first path), how: own | same object | equal bits | empty mapping."""

    stored: dict[str, Tensor] = field(default_factory=dict)
    layout: list[tuple[str, str, str]] = field(default_factory=list)
    objects: dict[int, str] = field(default_factory=dict)
    bits: dict[tuple[str, ...], str] = field(default_factory=dict)

    def walk(self, tree: Tree, path: tuple[str, ...]) -> None:
        for key, item in tree.items():
            here = (*path, _quoted(key))
            name = _SEPARATOR.join(here)
            first = self.objects.setdefault(id(item), name)
            if first != name:
                self.layout.append((name, "same", first))
            elif not isinstance(item, Mapping):
                self._tensor(name, item)
            elif item:
                self.walk(item, here)
            else:
                self.layout.append((name, "empty", name))

    def _tensor(self, name: str, tensor: Tensor) -> None:
        first = self.bits.setdefault(_bits(tensor), name)
        self.layout.append((name, "own" if first == name else "equal", first))
        if first == name:
            self.stored[name] = tensor.detach().to("cpu").contiguous().clone()


def _bits(tensor: Tensor) -> tuple[str, ...]:
    import torch

    flat = tensor.detach().to("cpu").contiguous().reshape(-1)
    if flat.stride() != (1,):  # of one number, or none, any stride counts as contiguous, also one that is no view of bytes
        flat = flat.new_empty(flat.shape).copy_(flat)
    raw = flat.view(torch.uint8).numpy()
    return str(tensor.dtype), str(tuple(tensor.shape)), hashlib.blake2b(raw.data, digest_size=16).hexdigest()


def _quoted(key: Any) -> str:
    """Numbers as they are; strings that look like numbers with a quote before them."""
    if isinstance(key, int):
        return str(key)
    if _SEPARATOR in key:
        raise StoreError(f"{key!r}: the name of a modality, module or stage holds {_SEPARATOR!r}", "rename it")
    return f"'{key}" if _NUMBER.fullmatch(key) else str(key)


def _keys(path: str) -> Iterator[int | str]:
    for part in path.split(_SEPARATOR):
        quoted = _NUMBER.fullmatch(part)
        yield part if quoted is None else part[1:] if part.startswith("'") else int(part)


def _item(tree: dict[Any, Any], tensors: Mapping[str, Tensor], path: str, how: str, first: str) -> Any:
    if how == "same":
        found: Any = tree
        for key in _keys(first):
            found = found[key]
        return found
    if how == "empty":
        return {}
    return tensors[path] if how == "own" else tensors[first].clone()


def _place(tree: dict[Any, Any], path: str, item: Any) -> None:
    *owners, leaf = _keys(path)
    for owner in owners:
        tree = tree.setdefault(owner, {})
    tree[leaf] = item
