"""States as flat vectors: one contiguous vector a dtype for all modules that the same silos hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State

Bundle = dict[str, "Tensor"]  # dtype name -> flat vector


@dataclass(frozen=True, slots=True)
class Field:
    """Where one tensor of a state lives in its dtype's vector."""

    key: str
    dtype: str
    start: int
    stop: int
    shape: tuple[int, ...]

    @property
    def module(self) -> str:
        return self.key.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Layout:
    """The floating-point tensors of some modules, sorted by key; integer tensors never travel."""

    fields: tuple[Field, ...]

    @classmethod
    def of(cls, state: State, modules: Iterable[str]) -> Layout:
        """Layout of the named modules ("<module>/<name>" keys) of a state."""
        chosen, ends, fields = set(modules), dict[str, int](), []
        for key in sorted(state):
            tensor = state[key]
            if key.rpartition("/")[0] not in chosen or not tensor.is_floating_point():
                continue
            dtype = str(tensor.dtype).removeprefix("torch.")
            start = ends.get(dtype, 0)
            ends[dtype] = start + tensor.numel()
            fields.append(Field(key, dtype, start, ends[dtype], tuple(tensor.shape)))
        return cls(tuple(fields))

    def flatten(self, state: State) -> Bundle:
        """One new vector a dtype."""
        import torch

        parts: dict[str, list[Tensor]] = {}
        for field in self.fields:
            parts.setdefault(field.dtype, []).append(state[field.key].detach().reshape(-1))
        return {dtype: torch.cat(tensors) for dtype, tensors in parts.items()}

    def views(self, bundle: Mapping[str, Tensor]) -> State:
        """The tensors as views into the vectors; whoever changes them in place changes the vector."""
        return {f.key: bundle[f.dtype][f.start : f.stop].view(f.shape) for f in self.fields}

    def modules(self) -> dict[str, list[tuple[str, int, int]]]:
        """module -> its contiguous pieces (dtype, start, stop)."""
        pieces: dict[str, list[tuple[str, int, int]]] = {}
        for f in self.fields:
            held = pieces.setdefault(f.module, [])
            if held and held[-1][0] == f.dtype and held[-1][2] == f.start:
                held[-1] = (f.dtype, held[-1][1], f.stop)
            else:
                held.append((f.dtype, f.start, f.stop))
        return pieces

    @property
    def bytes(self) -> int:
        """M: data bytes of one model message."""
        import torch

        return sum((f.stop - f.start) * getattr(torch, f.dtype).itemsize for f in self.fields)

    @property
    def numbers(self) -> int:
        """How many numbers one model message holds."""
        return sum(f.stop - f.start for f in self.fields)

    @property
    def header(self) -> int:
        """Bytes of the safetensors header of one message: 8 + its JSON."""
        table = {f.key: {"dtype": f.dtype, "shape": f.shape, "data_offsets": [f.start, f.stop]} for f in self.fields}
        return 8 + len(json.dumps(table, separators=(",", ":")))


def modules_of(state: State) -> frozenset[str]:
    """Modules with at least one floating-point tensor."""
    return frozenset(key.rpartition("/")[0] for key, tensor in state.items() if tensor.is_floating_point())
