"""The energy score: how near what a generator draws lies to patients, patient by patient (Gneiting and Raftery, 2007, eq. 22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpmg_bench.stopping.alike import alike

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
    for where, x, y in alike(drawn, rows):
        scale, pairs = (2.0 * y.shape[1]) ** 0.5, max(len(y) * (len(y) - 1), 1)
        found[where] = (torch.cdist(x, y).mean(1, keepdim=True) - torch.cdist(y, y).sum() / pairs / 2) / scale
    return found
