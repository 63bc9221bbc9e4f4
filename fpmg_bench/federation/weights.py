"""Weights of a merge: those that the plan gives, else the training patients behind each model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.federation.layout import Bundle
    from fpmg_bench.transport import Message


def left(messages: Sequence[Message]) -> float | None:
    """What mixing weights leave for the receiver; None where patients decide."""
    given = [m.weight for m in messages if m.weight is not None]
    return 1.0 - sum(given) if given else None


def shares(parts: Sequence[tuple[float, float | None]]) -> Tensor:
    """Weights [m] float64 summing to 1: the plan's own, else shares of training patients."""
    import torch

    raw = [mass if weight is None else weight for mass, weight in parts]
    values = torch.tensor(raw, dtype=torch.float64)
    return values / values.sum()


def mean(messages: Sequence[Message]) -> Bundle:
    """Weighted mean in float64, messages by ascending origin."""
    import torch

    ordered = sorted(messages, key=lambda m: m.origin)
    given = shares([(m.mass, m.weight) for m in ordered])
    return {
        dtype: (given @ torch.stack([m.payload[dtype] for m in ordered]).double()).to(tensor.dtype)
        for dtype, tensor in ordered[0].payload.items()
    }
