"""Records beside those drawn that they can be held against: of the same label, by the modalities that the record has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Representation


def alike(drawn: Representation, rows: Representation) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Of every label and pattern of modalities in `rows`: their places [n] bool, their vectors x [m, d], those drawn y [k, d]; float64.

    Of a label that was not drawn all y count. Records without any modality are left out.
    """
    import torch

    if not len(rows):
        return
    key = torch.cat([rows.condition[:, :1].long(), rows.present.long()], dim=1)
    groups, which = torch.unique(key, dim=0, return_inverse=True)
    for i, group in enumerate(groups):
        at = _columns(rows, group[1:].bool())
        if not bool(at.any()):
            continue
        mine = drawn.condition[:, 0].long() == group[0]
        y = drawn.z[mine if bool(mine.any()) else torch.ones_like(mine)][:, at].double()
        yield which == i, rows.z[which == i][:, at].double(), y


def _columns(rows: Representation, present: Tensor) -> Tensor:
    """Columns [d] of the modalities that are there."""
    import torch

    at = torch.zeros(rows.space.width, dtype=torch.bool)
    for block, there in zip(rows.space.blocks.values(), present.tolist(), strict=True):
        at[block] = there
    return at
