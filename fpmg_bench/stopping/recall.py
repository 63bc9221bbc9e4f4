"""Whom of the patients held in a generator leaves out, class by class; and whose class is then drawn more often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fpmg_bench.stopping.alike import alike
from fpmg_bench.stopping.planned import MOST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import Representation

NEIGHBOUR = 5  # of a drawn record: as far as it reaches
EACH = 200  # drawn of every class
CLIP = 2.0**0.5  # of what one patient adds: recalled or not, and that there is one
LEAST = 5  # patients held in of a class, of all silos: fewer say nothing of it


def recalled(drawn: Representation, classes: int, rows: Representation) -> Tensor:
    """[n, 2 K] float64: in its class's column 1 for a row that lies as near to a drawn record as that one's 5th neighbour, and in column
    K + class 1 for every row. Sums over rows give recall by class (Kynkaanniemi et al., 2019, eq. 2, the manifold being what is drawn).
    """
    import torch

    found = torch.zeros(len(rows), 2 * classes, dtype=torch.float64)
    at = torch.arange(len(rows))
    label = rows.condition[:, 0].long()
    found[at, classes + label] = 1.0
    for where, x, y in alike(drawn, rows):
        reach = torch.cdist(y, y).kthvalue(min(NEIGHBOUR + 1, len(y)), dim=1).values  # the first is itself
        found[at[where], label[where]] = (torch.cdist(x, y) <= reach).any(1).double()
    return found


def weakest(total: Sequence[float], names: Sequence[str], margin: float) -> tuple[int, dict[str, Any]]:
    """Of sums [2 K] the class whose recall is below that of all others together by more than `margin`, or -1; and what the record says.

    Classes of fewer than `LEAST` patients held in are left out.
    """
    k = len(names)
    known = [i for i in range(k) if total[k + i] >= LEAST]
    recall = {i: min(max(total[i] / total[k + i], 0.0), 1.0) for i in known}
    told: dict[str, Any] = {
        "recall": {names[i]: recall[i] for i in known},
        "unasked": [names[i] for i in range(k) if i not in known],
    }
    least = min(known, key=lambda i: recall[i], default=-1)
    others = [i for i in known if i != least]
    if others and recall[least] < sum(total[i] for i in others) / sum(total[k + i] for i in others) - margin:
        return least, told | {"adjusted": names[least]}
    return -1, told | {"adjusted": ""}


def oftener(rates: float | NDArray[np.float64], label: NDArray[np.int64], class_: int, times: float) -> NDArray[np.float64]:
    """[n] rates at which records are drawn from here on: of the class `times` as often, of others less, so that batches stay as large.

    No rate is above `MOST`, unless it was. Where a silo has no other class, or none of this one, its rates stay as they are.
    """
    import numpy as np

    old = np.broadcast_to(np.asarray(rates, dtype=np.float64), label.shape)
    mine = label == class_
    if mine.all() or not mine.any():
        return old.copy()
    # the others keep at least a half of theirs: a class is drawn more often, not alone
    spare = old[~mine].sum() / 2
    up = np.minimum(old[mine] * times, np.maximum(old[mine], MOST))
    up = old[mine] + (up - old[mine]) * min(1.0, spare / max(float((up - old[mine]).sum()), 1e-12))
    new = old.copy()
    new[mine], new[~mine] = up, old[~mine] * (1 - (up - old[mine]).sum() / old[~mine].sum())
    return new
