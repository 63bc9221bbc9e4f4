"""What the utility metrics share: classifiers trained on a cohort, and what they say of the held-out patients H."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score
from fpmg_plugins.metrics import detail
from fpmg_plugins.metrics.learners import Learner, design, fit, probability, spaced, usable
from fpmg_plugins.metrics.real_side import known, value_and_draws
from fpmg_plugins.metrics.resampling import interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort
    from fpmg_plugins.metrics.ranking import Measure

    Floats = NDArray[np.floating[Any]]
    Names = tuple[str, ...]
    Placed = tuple[NDArray[np.intp], Floats, NDArray[np.int64]]

LEARNERS: tuple[Learner, ...] = ("logistic", "trees")
ESTEBAN = "Esteban et al. 2017, train on synthetic, test on real"


@dataclass(frozen=True, slots=True)
class Tested:
    """What one training set is worth on H.

    rows [m]: positions in H of the records that have any of the modalities; label [m]; probabilities: P(class | x) [m, k] of
    each learner; weights [1 + draws, m]: the bootstrap over patients, its first row counts everybody once.
    """

    rows: NDArray[np.intp]
    label: NDArray[np.int64]
    probabilities: tuple[Floats, ...]
    weights: Floats

    def each(self, measure: Measure) -> list[Floats]:
        """Value and draws [1 + draws] of each learner."""
        return [measure(p, self.label, self.weights) for p in self.probabilities]

    def mean(self, measure: Measure) -> Floats:
        """Mean over learners of value and draws [1 + draws]."""
        return np.asarray(np.mean(self.each(measure), 0))

    def among(self, mask: NDArray[np.bool_]) -> Tested:
        """The same models on fewer records; mask [len(H)]."""
        kept = mask[self.rows]
        return Tested(self.rows[kept], self.label[kept], tuple(p[kept] for p in self.probabilities), self.weights[:, kept])


def fair_modalities(evidence: Evidence) -> Names:
    """Modalities that some training record has and that do not contain the label by construction (`Cohort.leaks`)."""
    return tuple(name for name in usable(evidence, tuple(evidence.train.schemas)) if name not in evidence.train.leaks)


def joint(evidence: Evidence) -> Names:
    """The modalities by which labels are read. Raises NotApplicable where there is nothing to read, with the reason."""
    if evidence.train.task == "none":
        raise NotApplicable("the cohort has no label")
    if len(np.unique(evidence.held_out.label)) < 2:
        raise NotApplicable("the held-out patients have one class only")
    return fair(evidence)


def of_classes(evidence: Evidence) -> None:
    """Raises NotApplicable where what there is to predict is no class, with where to look instead."""
    instead = {
        "none": "the cohort has no label",
        "number": "the label is a number: see tstr.r2",
        "event": "the label is the time to an event: see the metric survival",
    }
    if evidence.train.task in instead:
        raise NotApplicable(instead[evidence.train.task])


def fair(evidence: Evidence) -> Names:
    """The modalities of the headline. Raises NotApplicable where there is no headline, with the reason."""
    if not evidence.complete(evidence.held_out).any():
        raise NotApplicable("no held-out patient has all modalities")
    fair = fair_modalities(evidence)
    if not fair:
        raise NotApplicable("every modality contains the label by construction")
    return fair


def rows_of(evidence: Evidence, cohort: Cohort, modalities: Sequence[str], learner: Learner = "logistic") -> Placed:
    """Positions [m], features [m, d] and labels [m] of the records that have any of the modalities; once a known cohort.

    learner: the one that is to read them. Of a release or of T detail is read of as many records as a learner sees.
    """
    names, detailed = tuple(modalities), learner == "detail"
    if known(evidence, cohort):
        key = ("features", names, detailed)
        kept: Placed = evidence.once(key, lambda: _rows_of(evidence, cohort, names, detailed=detailed), cohort)
        return kept
    return _rows_of(evidence, cohort, names, detailed=detailed)


def _rows_of(evidence: Evidence, cohort: Cohort, names: Names, *, detailed: bool) -> Placed:
    rows = np.flatnonzero(np.any([evidence.complete(cohort, name) for name in names], axis=0))
    if not detailed:
        return rows, design(evidence, cohort, names)[rows], cohort.label[rows]
    rows = rows if cohort is evidence.held_out else rows[spaced(len(rows))]
    more = detail.columns(evidence, cohort, detail.detailed(evidence, names), rows)
    return rows, np.concatenate([design(evidence, cohort, names)[rows], more], 1), cohort.label[rows]


def real_model(evidence: Evidence, modalities: Names, learner: Learner) -> Any:
    """The classifier trained on T."""
    return models_of(evidence, evidence.train, modalities, (learner,))[0]


def models_of(evidence: Evidence, train: Cohort, modalities: Names, learners: Sequence[Learner]) -> list[Any]:
    """One classifier a learner, trained on a cohort: on T or a release once, whichever metric asks.

    Raises NotApplicable for fewer than two classes.
    """

    seen = cache(lambda detailed: rows_of(evidence, train, modalities, "detail" if detailed else "logistic")[1:])

    def trained(learner: Learner) -> Any:
        return fit(learner, *seen(learner == "detail"))

    if not known(evidence, train):
        return [trained(learner) for learner in learners]  # a part of a release, which nobody else asks for
    return [evidence.once(("classifier", modalities, k), partial(trained, k), train) for k in learners]


def tested(evidence: Evidence, models: Sequence[Any], modalities: Names, draws: int, seed: int, learner: Learner) -> Tested:
    """The models on H. Raises NotApplicable where the held-out records with these modalities have one class.

    learner: one of them, since all read the same features.
    """
    rows, x, label = rows_of(evidence, evidence.held_out, modalities, learner)
    if len(np.unique(label)) < 2:
        raise NotApplicable(f"the {len(label)} held-out records with {', '.join(modalities)} have one class only")
    patient = evidence.held_out.patient
    weights = value_and_draws(evidence, patient, draws, seed)
    classes = len(evidence.train.classes)
    return Tested(rows, label, tuple(probability(model, x, classes) for model in models), weights[:, rows])


def score(key: str, draws: Floats, n: int, floor: float | None = None, scope: str = "all") -> Score:
    """A value and its draws [1 + draws] as a score with its 95 % interval."""
    low, high = interval(draws[1:])
    return Score(key, float(draws[0]), scope, low=low, high=high, n=n, floor=floor)
