"""A hash of any value that flows through a trial, to tell "the same bits" from "almost the same"."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from fpmg_bench.types import Pixels


def bits(value: Any) -> str:
    """sha256 over types, shapes and bytes, hexadecimal; mappings in the order of their sorted keys."""
    total = hashlib.sha256()
    for piece in _pieces(value):
        total.update(piece)
    return total.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    for kind, pieces in _LEAVES:
        if isinstance(value, kind):
            yield from pieces(value)
            return
    if isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield f"{key}=".encode()
            yield from _pieces(value[key])
    elif isinstance(value, (list, tuple)):
        yield f"[{len(value)}".encode()
        for item in value:
            yield from _pieces(item)
    elif is_dataclass(value):
        yield type(value).__name__.encode()
        for field in fields(value):
            yield from _pieces(getattr(value, field.name))
    else:
        yield repr(value).encode()


def _array(value: np.ndarray[Any, Any]) -> Iterator[bytes]:
    yield f"{value.dtype}{value.shape}".encode()
    yield repr(value.tolist()).encode() if value.dtype == object else np.ascontiguousarray(value).tobytes()


def _frame(value: pd.DataFrame) -> Iterator[bytes]:
    for name in value.columns:
        yield f"{name}=".encode()
        yield from _array(value[name].to_numpy())


_LEAVES: tuple[tuple[Any, Callable[[Any], Iterator[bytes]]], ...] = (
    (torch.Tensor, lambda value: _array(value.detach().cpu().numpy())),
    (np.ndarray, _array),
    (pd.DataFrame, _frame),
    (Pixels, lambda value: _array(value.array())),
    ((set, frozenset), lambda value: iter([repr(sorted(map(str, value))).encode()])),
)
