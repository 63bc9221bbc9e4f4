"""Which learner a cohort's utility is measured by: the best on folds of the training patients, chosen once for every release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.detail import detailed
from fpmg_plugins.metrics.learners import fit, probability
from fpmg_plugins.metrics.ranking import macro_auroc
from fpmg_plugins.metrics.utility_models import LEARNERS, rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_plugins.metrics.learners import Learner
    from fpmg_plugins.metrics.ranking import Floats
    from fpmg_plugins.metrics.utility_models import Names

FOLDS = 3
CHOSEN_ON = 2_000  # training records on which learners are compared


@dataclass(frozen=True, slots=True)
class Choice:
    """learner: the best; areas: every candidate's AUROC out of fold; empty where folds have too few classes to tell."""

    learner: Learner
    areas: Mapping[Learner, float]


def chosen(evidence: Evidence, modalities: Names) -> Choice:
    """The candidate with the largest AUROC on folds of T, by patient; held-out patients play no part. The first of equals.

    Candidates: logistic regression and boosted trees on phi, and boosted trees that see detail besides, where there is any.
    """
    found: Choice = evidence.once(("chosen learner", modalities), lambda: _choose(evidence, modalities))
    return found


def _choose(evidence: Evidence, modalities: Names) -> Choice:
    candidates: tuple[Learner, ...] = (*LEARNERS, *(("detail",) if detailed(evidence, modalities) else ()))
    try:
        areas = {learner: _area(evidence, modalities, learner) for learner in candidates}
    except NotApplicable:
        return Choice(candidates[0], {})
    return Choice(max(areas, key=lambda learner: areas[learner]), areas)


def _area(evidence: Evidence, modalities: Names, learner: Learner) -> float:
    """Out of fold, on records evenly spaced through T."""
    rows, x, label = rows_of(evidence, evidence.train, modalities, learner)
    some = np.linspace(0, len(rows) - 1, min(len(rows), CHOSEN_ON)).astype(int)
    return _out_of_fold(learner, x[some], label[some], evidence.train.patient[rows[some]], len(evidence.train.classes))


def folds(patient: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold [n] of each record, by patient."""
    people, inverse = np.unique(patient, return_inverse=True)
    found: NDArray[np.int64] = (np.random.default_rng(0).permutation(len(people)) % FOLDS)[inverse]
    return found


def _out_of_fold(learner: Learner, x: Floats, label: NDArray[np.int64], patient: NDArray[np.int64], classes: int) -> float:
    fold = folds(patient)
    said = np.zeros((len(x), classes))
    for k in range(FOLDS):
        if (fold == k).any():
            said[fold == k] = probability(fit(learner, x[fold != k], label[fold != k]), x[fold == k], classes)
    return float(macro_auroc(said, label)[0])
