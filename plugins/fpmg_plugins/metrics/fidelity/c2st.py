"""Classifier two-sample test: can released patients be told from held-out ones, jointly and in each modality?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import some
from fpmg_plugins.metrics.learners import Learner, design, fit, probability, usable
from fpmg_plugins.metrics.ranking import auroc
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

LOPEZ_PAZ = "Lopez-Paz and Oquab 2017, arXiv:1610.06545"
LEARNERS: tuple[Learner, ...] = ("logistic", "trees")
LEAST = 50


class C2st:
    """Cross-validated AUROC of telling the release from the held-out patients H, mean of a logistic and a boosted-tree learner.

    `c2st`: on all modalities' features and on each modality alone (those that have it); .5 cannot be told apart, 1 always;
    lower is better, floor: the training patients in the place of the release. Equal numbers of both kinds; folds by patient.
    `c2st.generator`: the same, H after the silo's own encoders and decoders, so that both sides bear the decoders' tell-tale
    and what is left is the generator's; floor: R2 in the place of the release against R1, both decoded. Not applicable without
    encoders.
    Needs 50 records of each. Pitfalls: a tell-tale of the decoder (a missing value that never occurs, grain) gives `c2st` 1
    whatever the rest is worth: read `c2st.generator` beside it; decoders that blur all alike hide a bad generator from that;
    learners this weak miss fine structure: the phantom's
    modalities paired anew within their label are not told apart, so this is no measure of association.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "c2st": Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=LOPEZ_PAZ),
        "c2st.generator": Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=LOPEZ_PAZ + "; held-out patients decoded"),
    }

    def __init__(self, folds: Annotated[int, Ge(2)] = 4, rows: Annotated[int, Ge(50)] = 1000) -> None:
        self.folds = folds
        self.rows = rows

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Jointly, then each modality, for every release."""
        seed, held_out = fresh_seed(rng), evidence.held_out
        real = real_side(self, evidence, lambda: self._scores(evidence, seed, (held_out, evidence.train)), "floor", seed)
        floor = {(s.key, s.modality): s.value for s in real}
        found = evidence.each_release(lambda release: self._scores(evidence, seed, (held_out, release)))
        scores = [replace(score, floor=floor.get((score.key, score.modality))) for score in found]
        try:
            trips = evidence.round_trips()
            trip_of = {id(release): trips[silo] for silo, release in evidence.released.items()}
            return scores + evidence.each_release(partial(self._generator, evidence, seed, trip_of))
        except NotApplicable as missing:
            evidence.not_applicable("c2st.generator", missing.reason)
            return scores

    def _generator(self, evidence: Evidence, seed: int, trip_of: Mapping[int, Cohort], release: Cohort) -> list[Score]:
        """Against the held-out patients as this release's own decoders give them back."""
        trip = trip_of[id(release)]
        one, two = (trip.take(np.isin(trip.patient, half.patient)) for half in (evidence.r1, evidence.r2))
        try:
            floor = {s.modality: s.value for s in self._scores(evidence, seed, (one, two))}
        except NotApplicable:
            floor = {}
        found = self._scores(evidence, seed, (trip, release))
        return [replace(score, key="c2st.generator", floor=floor.get(score.modality)) for score in found]

    def _scores(self, evidence: Evidence, seed: int, pair: tuple[Cohort, Cohort]) -> list[Score]:
        """Jointly and by modality. pair: who stands for real patients, and for released ones."""
        names = usable(evidence, tuple(evidence.train.schemas))
        single = {name: self._area(evidence, seed, pair, (name,)) for name in names}
        known = {name: found for name, found in single.items() if found is not None}
        joint = self._area(evidence, seed, pair, names)
        if joint is None and not known:
            raise NotApplicable(f"fewer than {LEAST} released or held-out records of every modality")
        scores = [Score("c2st", area, modality=name, n=n) for name, (area, n) in known.items() if len(names) > 1]
        if joint is not None:
            scores.append(Score("c2st", joint[0], n=joint[1]))
        return scores

    def _area(
        self, evidence: Evidence, seed: int, pair: tuple[Cohort, Cohort], names: tuple[str, ...]
    ) -> tuple[float, int] | None:
        """The area and how many records of each kind it rests on; None where too few have all of these modalities."""
        parts = [_complete(evidence, cohort, names) for cohort in pair]
        size = min(self.rows, *(len(rows) for rows in parts))
        if size < LEAST:
            return None
        rng = np.random.default_rng(seed)
        chosen = [rows[some(len(rows), size, rng)] for rows in parts]
        x = np.concatenate([design(evidence, cohort, names)[rows] for cohort, rows in zip(pair, chosen, strict=True)])
        group = np.concatenate([pair[0].patient[chosen[0]], -1 - np.arange(size)])
        made = np.arange(2 * size) >= size
        return float(np.mean([separable(learner, x, made, group, self.folds, rng) for learner in LEARNERS])), size


def separable(
    learner: Learner, x: Floats, made: NDArray[np.bool_], group: NDArray[np.int64], folds: int, rng: np.random.Generator
) -> float:
    """AUROC of out-of-fold probabilities; records of one group are in one fold."""
    people, inverse = np.unique(group, return_inverse=True)
    fold = (rng.permutation(len(people)) % folds)[inverse]
    score = np.empty(len(x))
    for k in range(folds):
        model = fit(learner, x[fold != k], made[fold != k].astype(np.int64))
        score[fold == k] = probability(model, x[fold == k], 2)[:, 1]
    return float(auroc(score, made)[0])


def _complete(evidence: Evidence, cohort: Cohort, names: tuple[str, ...]) -> NDArray[np.intp]:
    return np.flatnonzero(np.all([evidence.complete(cohort, name) for name in names], axis=0))
