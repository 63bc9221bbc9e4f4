"""Linkability: do the nearest released records of two halves of a patient turn out to be one and the same (Giomi et al. 2023)?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score
from fpmg_plugins.metrics.privacy.densities import which_nearest
from fpmg_plugins.metrics.privacy.inference.columns import blocks, columns_of
from fpmg_plugins.metrics.privacy.inference.guesses import risk
from fpmg_plugins.metrics.privacy.targets import LEAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort
    from fpmg_plugins.metrics.privacy.targets import Targets

    Floats = NDArray[np.floating[Any]]
    Halves = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]


def scores(evidence: Evidence, targets: Targets, others: Cohort, release: Cohort) -> Iterator[Score]:
    """The risk over all targets and by class, and the rate on members."""
    pairs = [linked(evidence, cohort, release) for cohort in (evidence.train, others)]
    hit = targets.most(*(np.concatenate(part) for part in zip(*pairs, strict=True)))
    for scope, rows in {"all": True, **{f"class:{c}": targets.label == i for i, c in enumerate(evidence.train.classes)}}.items():
        sides = [hit[~np.isnan(hit) & rows & (targets.member == side)] for side in (True, False)]
        if min(map(len, sides)) < LEAST or sides[1].all():
            continue
        attack, control = ((float(side.sum()), len(side)) for side in sides)
        yield risk("inference.linkability", attack, control, scope)
        if scope == "all":
            yield Score("inference.linkability.rate", float(sides[0].mean()), n=len(sides[0]))


def linked(evidence: Evidence, cohort: Cohort, release: Cohort) -> tuple[NDArray[np.int64], Floats]:
    """patient [m] and whether both halves lead to the same released record [m], of the records that have both halves."""
    split = by_modality if _several(evidence, cohort, release) else by_column
    left, right, patient = split(evidence, cohort)
    held_left, held_right, _ = split(evidence, release)
    if len(held_left) < LEAST or not (left.shape[1] and right.shape[1]):
        raise NotApplicable(f"linking needs {LEAST} released records with two modalities, or with a table of two columns")
    order = np.lexsort(np.concatenate([held_left, held_right], 1).T)  # equal records are met in an order that tells nothing
    return patient, (which_nearest(left, held_left[order]) == which_nearest(right, held_right[order])).astype(float)


def by_modality(evidence: Evidence, cohort: Cohort) -> Halves:
    """Every second modality's block of phi against the others', of complete records."""
    names = _modalities(evidence)
    rows = np.flatnonzero(evidence.complete(cohort))
    halves = [np.concatenate([evidence.phi(cohort, name)[rows] for name in names[start::2]], 1) for start in (0, 1)]
    return halves[0], halves[1], cohort.patient[rows]


def by_column(evidence: Evidence, cohort: Cohort) -> Halves:
    """Every second column against the others."""
    of = columns_of(cohort)
    parts = blocks(of, columns_of(evidence.train))
    none = [np.zeros((len(of), 0), np.float32)]
    return np.concatenate(none + parts[::2], 1), np.concatenate(none + parts[1::2], 1), of.patient


def _several(evidence: Evidence, *cohorts: Cohort) -> bool:
    """Enough records with two modalities at least."""
    return len(_modalities(evidence)) > 1 and all(evidence.complete(cohort).sum() >= LEAST for cohort in cohorts)


def _modalities(evidence: Evidence) -> list[str]:
    return [name for name in evidence.train.schemas if evidence.complete(evidence.train, name).any()]
