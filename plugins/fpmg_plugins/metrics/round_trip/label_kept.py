"""Does the label survive the round trip? A classifier of real patients reads decoded ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score
from fpmg_plugins.metrics.learners import design, probability
from fpmg_plugins.metrics.ranking import macro_auroc
from fpmg_plugins.metrics.real_side import value_and_draws
from fpmg_plugins.metrics.resampling import interval
from fpmg_plugins.metrics.utility_models import LEARNERS, real_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]

READABLE = 0.55  # below this a real modality says too little about the label for a share of it to mean anything
RESAMPLES = 200


def scores(evidence: Evidence, name: str, trip: Cohort, seed: int) -> list[Score]:
    """AUROC on the decoded patients (floor: on the same patients, real), and the share kept where the label is readable at all."""
    if evidence.train.task == "none":
        raise NotApplicable("the cohort has no label")
    rows = np.flatnonzero(trip.present[name] & evidence.held_out.present[name])
    if len(np.unique(evidence.held_out.label[rows])) < 2:
        raise NotApplicable(f"the held-out patients with {name!r} have one class only")
    real = evidence.once(("label kept", name, rows.tobytes(), seed), lambda: _area(evidence, name, evidence.held_out, rows, seed))
    made = _area(evidence, name, trip, rows, seed)
    low, high = interval(made[1:])
    found = [Score("reconstruction.auroc", float(made[0]), low=low, high=high, n=len(rows), floor=float(real[0]))]
    least = interval(real[1:])[0]
    if least is None or least <= READABLE:
        reason = (
            f"the real modality's AUROC is {real[0]:.3f} with a lower bound of {least or float('nan'):.3f}: not above {READABLE}"
        )
        evidence.not_applicable("reconstruction.label_kept", reason, modality=name)
        return found
    kept = (made - 0.5) / (real - 0.5)
    low, high = interval(kept[1:])
    return [*found, Score("reconstruction.label_kept", float(kept[0]), low=low, high=high, n=len(rows), floor=1.0)]


def _area(evidence: Evidence, name: str, cohort: Cohort, rows: NDArray[np.intp], seed: int) -> Floats:
    """AUROC [1 + draws], mean over learners; draw 0 is the value, the others resample patients (the same for every cohort)."""
    label = evidence.held_out.label[rows]
    every = value_and_draws(evidence, evidence.held_out.patient[rows], RESAMPLES, seed)
    x = design(evidence, cohort, (name,))[rows]
    areas = [
        macro_auroc(probability(real_model(evidence, (name,), kind), x, len(evidence.train.classes)), label, every)
        for kind in LEARNERS
    ]
    return np.asarray(np.mean(areas, 0))
