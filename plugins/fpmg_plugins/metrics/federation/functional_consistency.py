"""Functional consistency: what two silos' generators make of the same noise and the same conditions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

KEY = "fc.draws"


def mean_gap(evidence: Evidence, a: Cohort, b: Cohort) -> float:
    """Distance between the means of two cohorts' complete records in phi; exactly 0 for one and the same."""
    return 0.0 if a is b else float(np.linalg.norm(_mean(evidence, a) - _mean(evidence, b)))


def _mean(evidence: Evidence, cohort: Cohort) -> NDArray[np.float64]:
    complete = evidence.complete(cohort)
    if not complete.any():
        raise NotApplicable("a cohort has no record with all modalities")
    mean: NDArray[np.float64] = evidence.phi(cohort)[complete].mean(0, dtype=np.float64)
    return mean


def row_gap(evidence: Evidence, a: Cohort, b: Cohort, modality: str | None = None) -> float | None:
    """Mean distance of the records that are complete in both; None where there is none."""
    if a is b:
        return 0.0
    both = evidence.complete(a, modality) & evidence.complete(b, modality)
    return _distance(evidence.phi(a, modality)[both], evidence.phi(b, modality)[both]) if both.any() else None


def fresh_gap(evidence: Evidence, cohort: Cohort, modality: str | None = None) -> float | None:
    """Mean distance of a record to the next one of its label: the same generator, other noise. None where no label has two.

    Rows are drawn independently given their conditions, so two rows of a label differ as a second draw would.
    """
    complete, x = evidence.complete(cohort, modality), evidence.phi(cohort, modality)
    rows = [np.flatnonzero(complete & (cohort.label == value)) for value in np.unique(cohort.label)]
    here = [at for at in rows if len(at) > 1]
    if not here:
        return None
    return _distance(x[np.concatenate(here)], x[np.concatenate([np.roll(at, 1) for at in here])])


def _distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.sqrt(((a - b).astype(np.float64) ** 2).sum(1)).mean())


def consistency(evidence: Evidence) -> Iterator[Score]:
    """`fc.draws` over all pairs of silos, of each silo with the others, and of each modality alone."""
    found = _ratios(evidence, None)
    if found:
        yield Score(KEY, float(np.mean(list(found.values()))), n=len(found))
        for silo in evidence.released:
            mine = [value for pair, value in found.items() if silo in pair]
            if mine:
                yield Score(KEY, float(np.mean(mine)), f"silo:{evidence.silo_names[silo]}", n=len(mine))
    for modality in evidence.train.schemas if len(evidence.train.schemas) > 1 else ():
        alone = _ratios(evidence, modality)
        if alone:
            yield Score(KEY, float(np.mean(list(alone.values()))), modality=modality, n=len(alone))


def _ratios(evidence: Evidence, modality: str | None) -> dict[tuple[int, int], float]:
    """Pair of silos -> distance from the same noise over the mean of their distances from fresh noise."""
    fresh: dict[int, float | None] = {}
    found = {}
    for (i, a), (j, b) in combinations(evidence.released.items(), 2):
        if a is b:
            found[i, j] = 0.0
            continue
        for cohort in (a, b):
            if id(cohort) not in fresh:
                fresh[id(cohort)] = fresh_gap(evidence, cohort, modality)
        gap, scale = row_gap(evidence, a, b, modality), ((fresh[id(a)] or 0.0) + (fresh[id(b)] or 0.0)) / 2
        if gap is not None and scale > 0:
            found[i, j] = gap / scale
    if not found:
        evidence.not_applicable(KEY, "no two silos have complete records that depend on their noise", modality=modality)
    return found
