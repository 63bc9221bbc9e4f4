"""Diseases one after the other (the FPMG poster's sequential training): who has another one waits for its rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpmg_plugins.generators import conditions

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Space


def waiting(space: Space, order: Sequence[str], each: int, round: int) -> list[int]:
    """Columns of `conditions.features` of the flags whose turn is another round's. each: rounds of a turn; the last one stays."""
    now = min(round // each, len(order) - 1)
    return conditions.flags(space, [name for i, name in enumerate(order) if i != now])


def in_turn(given: Tensor, waiting: Sequence[int]) -> Tensor:
    """[n]: 0 for patients with features [n, c] of conditions who have what is not in turn, 1 for all others, also where it is unknown."""
    if not waiting:
        return given.new_ones(len(given))
    return (given[:, list(waiting)] <= 0).all(1).to(given.dtype)
