"""What an attacker computes from released weights: the loss of a discriminator or an encoder on every record (LOGAN)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence, Objective
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

ROWS = 512  # at once


def loss(evidence: Evidence, silo: int, modality: str | None, cohort: Cohort) -> Floats:
    """Minus the loss [len(cohort)] of the released encoder of a modality, or of the discriminators if None, summed.

    NaN for records that the learner does not see. Raises NotApplicable where no such model was released.
    """
    state = evidence.model(silo).get(modality or "generator", {})
    stage = f"stage1:{modality}" if modality else "stage2"
    objectives = evidence.objectives(stage, state) if state else {}
    if not objectives:
        what = f"encoder of {modality!r}" if modality else "discriminator"
        raise NotApplicable(f"no {what} was released whose loss could be evaluated")
    rows, at = evidence.rows(stage, cohort, silo)
    found = np.full(len(cohort), np.nan)
    found[at] = -np.sum([_losses(objective, rows) for objective in objectives.values()], 0)
    return found


def _losses(objective: Objective, rows: Any) -> Floats:
    """Loss of every row, float64, without dropout."""
    import torch

    objective.module.eval()
    parts = [torch.zeros(0)]
    with torch.no_grad():
        for start in range(0, len(rows), ROWS):
            some = rows.take(np.arange(start, min(start + ROWS, len(rows))))
            parts.append(objective.loss(objective.module, objective.features(some)).detach().float())
    found: Floats = torch.cat(parts).double().numpy()
    return found
