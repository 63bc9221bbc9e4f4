"""Utility class by class: one against the rest, for the classes that enough held-out patients have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fpmg_plugins.metrics.ranking import auprc, auroc, recall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_plugins.metrics.ranking import Floats, Measure

LEAST = 5  # held-out patients of a class, and of the rest


def shown(evidence: Evidence, key: str, rows: NDArray[np.intp]) -> Iterator[tuple[int, str]]:
    """(class, scope) of the classes that can be scored among these held-out records; the others are recorded as such."""
    label, patient = evidence.held_out.label[rows], evidence.held_out.patient[rows]
    for c, name in enumerate(evidence.train.classes):
        have, rest = (len(np.unique(patient[of])) for of in (label == c, label != c))
        if min(have, rest) >= LEAST:
            yield c, f"class:{name}"
        else:
            reason = f"{have} held-out patients of the class and {rest} others; {LEAST} of each are needed"
            evidence.not_applicable(key, reason, scope=f"class:{name}")


def measures(evidence: Evidence, c: int) -> dict[str, Measure]:
    """Scores of one class by name. Two classes share one AUROC, the headline, so it is told by class from three on."""

    def ranked(p: Floats, label: NDArray[np.int64], weights: Floats | None) -> Floats:
        return auroc(p[:, c], label == c, weights)

    def precise(p: Floats, label: NDArray[np.int64], weights: Floats | None) -> Floats:
        return auprc(p[:, c], label == c, weights)

    def recalled(p: Floats, label: NDArray[np.int64], weights: Floats | None) -> Floats:
        return recall(p, label, c, weights)

    several = {"auroc": ranked} if len(evidence.train.classes) > 2 else {}
    return {**several, "auprc": precise, "recall": recalled}
