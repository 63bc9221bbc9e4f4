"""What travels: a model message, and what a node knows of one that is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


MASKED = 8  # bytes of a number under masks


@dataclass(frozen=True, slots=True)
class Message:
    """One model message. payload: dtype name -> flat vector; origin: whose weights these are; mass: training patients behind it.

    relayed: the plan named the origin, so these are its weights after local training and before any transfer.
    masked: the payload is int64, its weights scaled and under pairwise masks.
    """

    src: int
    dst: int
    origin: int
    payload: Mapping[str, Tensor]
    mass: float
    weight: float | None = None
    relayed: bool = False
    masked: bool = False

    @property
    def bytes(self) -> int:
        """Data payload, without headers."""
        return sum(part.numel() * part.element_size() for part in self.payload.values())


@dataclass(frozen=True, slots=True)
class Awaited:
    """A message that is due. sizes: dtype name -> numbers of its flat vector, known from the layout at both ends.

    masked: each number is an int64.
    """

    src: int
    dst: int
    sizes: Mapping[str, int]
    masked: bool = False

    @property
    def bytes(self) -> int:
        """Of its payload."""
        return sum((MASKED if self.masked else width(dtype)) * count for dtype, count in self.sizes.items())


def width(dtype: str) -> int:
    """Bytes of one number of a torch dtype, by its name."""
    import torch

    size: int = getattr(torch, dtype).itemsize
    return size
