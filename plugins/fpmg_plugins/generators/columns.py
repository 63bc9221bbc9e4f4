"""Which modality the columns of a space's vectors belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Space


def presence(space: Space, present: Tensor) -> Tensor:
    """[n, d] float: the modality mask [n, m] spread over the modalities' columns."""
    return present.float()[:, owner(space).to(present.device)]


def columns(space: Space, modalities: Sequence[str]) -> Tensor:
    """Columns of the vectors that belong to these modalities, in their order."""
    return torch.cat([torch.arange(space.blocks[m].start, space.blocks[m].stop) for m in modalities])


def owner(space: Space) -> Tensor:
    """Index of the modality of every column of the vectors [d]."""
    widths = torch.tensor([block.stop - block.start for block in space.blocks.values()])
    return torch.arange(len(widths)).repeat_interleave(widths)
