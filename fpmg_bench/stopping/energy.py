"""The energy score: how near what a generator draws lies to patients, patient by patient (Gneiting and Raftery, 2007, eq. 22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Representation


def energy_scores(drawn: Representation, rows: Representation) -> Tensor:
    """[n, 1] float64: mean |x - y| - mean |y - y'| / 2 of each row x and the drawn y of its label, over the modalities that x has.

    Distances are divided by sqrt(2 d), so that between independent vectors of unit variance they are about 1. Each number depends on its
    own row and on what was drawn. Its mean is least, over all generators, for the patients' own distribution. Of a label that was not
    drawn all y count.
    """
    import torch

    found = torch.zeros(len(rows), 1, dtype=torch.float64)
    if not len(rows):
        return found
    groups, which = torch.unique(
        torch.cat([rows.condition[:, :1].long(), rows.present.long()], dim=1), dim=0, return_inverse=True
    )
    for i, group in enumerate(groups):
        at = _columns(rows, group[1:].bool())
        if not bool(at.any()):
            continue
        mine = drawn.condition[:, 0].long() == group[0]
        y = drawn.z[mine if bool(mine.any()) else torch.ones_like(mine)][:, at].double()
        scale, pairs = (2.0 * int(at.sum())) ** 0.5, max(len(y) * (len(y) - 1), 1)
        away = torch.cdist(rows.z[which == i][:, at].double(), y).mean(1, keepdim=True)
        found[which == i] = (away - torch.cdist(y, y).sum() / pairs / 2) / scale
    return found


def _columns(rows: Representation, present: Tensor) -> Tensor:
    """Columns [d] of the modalities that are there."""
    import torch

    at = torch.zeros(rows.space.width, dtype=torch.bool)
    for block, there in zip(rows.space.blocks.values(), present.tolist(), strict=True):
        at[block] = there
    return at
