"""Train on synthetic, test on real, where what is predicted is no class: a number, or the time to an event."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Score
from fpmg_plugins.metrics.detail import detailed
from fpmg_plugins.metrics.learner_choice import CHOSEN_ON, folds
from fpmg_plugins.metrics.learners import usable
from fpmg_plugins.metrics.real_side import known, real_side, value_and_draws
from fpmg_plugins.metrics.utility_models import fair, rows_of, score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort
    from fpmg_plugins.metrics.utility_models import Floats, Names

    Measure = Callable[[Floats, Floats, Floats], Floats]  # (said [m], answer [m, ...], weights [draws, m]) -> [draws]

LEAST = 20  # records that a learner is fitted on


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is predicted, by whom, and how that is judged.

    learners: the candidates; detail: the one that may see detail beyond phi besides, empty if none. answer: of a cohort's records
    [n, ...]. fit: (learner, features, answers) -> model; said: (evidence, model, features) -> predictions [n]. measures: key -> score
    of predictions; the first is the headline.
    """

    learners: tuple[str, ...]
    detail: str
    answer: Callable[[Cohort], Floats]
    fit: Callable[[str, Floats, Floats], Any]
    said: Callable[[Evidence, Any, Floats], Floats]
    measures: Mapping[str, Measure]

    @property
    def key(self) -> str:
        """Of the headline."""
        return next(iter(self.measures))

    def rows(self, evidence: Evidence, cohort: Cohort, names: Names, learner: str) -> tuple[NDArray[np.intp], Floats, Floats]:
        """Positions [m], features [m, d] and answers [m, ...] of the records that have any of the modalities."""
        rows, x, _ = rows_of(evidence, cohort, names, "detail" if learner == "detail" else "logistic")
        return rows, x, self.answer(cohort)[rows]

    def model(self, evidence: Evidence, train: Cohort, names: Names, learner: str) -> Any:
        """Trained on a cohort; on T or a release once. Raises NotApplicable where there is too little to learn from."""
        make = partial(self._fitted, evidence, train, names, learner)
        return evidence.once(("model", self.key, names, learner), make, train) if known(evidence, train) else make()

    def _fitted(self, evidence: Evidence, train: Cohort, names: Names, learner: str) -> Any:
        return self.fitted(learner, *self.rows(evidence, train, names, learner)[1:])

    def fitted(self, learner: str, x: Floats, answer: Floats) -> Any:
        """A fitted model. Raises NotApplicable for fewer than `LEAST` records."""
        if len(x) < LEAST:
            raise NotApplicable(f"{len(x)} records to learn from; {LEAST} are needed")
        return self.fit(learner, np.where(np.isnan(x).all(0), 0.0, x), answer)


@dataclass(frozen=True, slots=True)
class Utility:
    """The scores of one outcome on one trial. metric: whose they are, for what is kept of real patients."""

    metric: Any
    outcome: Outcome
    evidence: Evidence
    draws: int
    seed: int

    def scores(self) -> list[Score]:
        """Headline without leaking modalities, then with them, then each modality alone."""
        evidence, key = self.evidence, self.outcome.key
        found: list[Score] = []
        try:
            names = fair(evidence)
        except NotApplicable as missing:
            evidence.not_applicable(key, missing.reason)
        else:
            found += evidence.each_release(partial(self._headline, names))
            found += [score(f"{key}.trtr", *self._real(names)[key]), *self._folds(names)]
        every = usable(evidence, tuple(evidence.train.schemas))
        if evidence.train.leaks & set(every) and evidence.complete(evidence.held_out).any():
            found += evidence.each_release(partial(self._brief, f"{key}.with_leaks", every))
        for name in every if len(every) > 1 else ():
            found += self._alone(name)
        return found

    def _alone(self, name: str) -> list[Score]:
        try:
            return self.evidence.each_release(partial(self._brief, self.outcome.key, (name,)), modality=name)
        except NotApplicable as missing:
            self.evidence.not_applicable(self.outcome.key, missing.reason, modality=name)
            return []

    def _headline(self, names: Names, release: Cohort) -> list[Score]:
        key, made, real = self.outcome.key, self._values(release, names), self._real(names)
        found = [score(name, value, n, float(real[name][0][0])) for name, (value, n) in made.items()]
        gap = score(f"{key}.gap", real[key][0] - made[key][0], made[key][1], floor=0.0)
        return [found[0], gap, *found[1:], self._trts(names, release, float(real[key][0][0]))]

    def _brief(self, key: str, names: Names, release: Cohort) -> list[Score]:
        head = self.outcome.key
        (made, n), (real, _) = self._values(release, names)[head], self._real(names)[head]
        return [score(key, made, n, floor=float(real[0]))]

    def _real(self, names: Names) -> dict[str, tuple[Floats, int]]:
        make = partial(self._values, self.evidence.train, names)
        return real_side(self.metric, self.evidence, make, self.outcome.key, names, self.seed)

    def _values(self, train: Cohort, names: Names) -> dict[str, tuple[Floats, int]]:
        """key -> value and draws [1 + draws] on H of learners trained on these records, and n; of the learner chosen, then of each."""
        chosen = self._choice(names)[0]
        said, answer, weights = self._tested(train, names, chosen)
        found = {
            name: (_told(measure(said, answer, weights), name), len(said)) for name, measure in self.outcome.measures.items()
        }
        for learner in self.outcome.learners:
            each = self._tested(train, names, learner)
            found[f"{self.outcome.key}.{learner}"] = (self.outcome.measures[self.outcome.key](*each), len(said))
        return found

    def _tested(self, train: Cohort, names: Names, learner: str) -> tuple[Floats, Floats, Floats]:
        """What a learner trained on these records says of H, the truth, and the bootstrap's weights."""
        evidence, model = self.evidence, self.outcome.model(self.evidence, train, names, learner)
        rows, x, answer = self.outcome.rows(evidence, evidence.held_out, names, learner)
        weights = value_and_draws(evidence, evidence.held_out.patient, self.draws, self.seed)
        return self.outcome.said(evidence, model, x), answer, weights[:, rows]

    def _trts(self, names: Names, release: Cohort, floor: float) -> Score:
        """The real model on the release; floor: on the held-out patients."""
        outcome, learner = self.outcome, self._choice(names)[0]
        _, x, answer = outcome.rows(self.evidence, release, names, learner)
        said = outcome.said(self.evidence, outcome.model(self.evidence, self.evidence.train, names, learner), x)
        value = _told(outcome.measures[outcome.key](said, answer, np.ones((1, len(said)))), f"{outcome.key}.trts")
        return Score(f"{outcome.key}.trts", float(value[0]), n=len(said), floor=floor)

    def _choice(self, names: Names) -> tuple[str, Mapping[str, float]]:
        """The learner that does best on folds of T, and how each one does there; the first where folds cannot tell."""
        key = ("chosen learner", self.outcome.key, names)
        found: tuple[str, Mapping[str, float]] = self.evidence.once(key, partial(self._choose, names))
        return found

    def _choose(self, names: Names) -> tuple[str, Mapping[str, float]]:
        more = (self.outcome.detail,) if self.outcome.detail and detailed(self.evidence, names) else ()
        candidates = (*self.outcome.learners, *more)
        try:
            found = {learner: self._out_of_fold(names, learner) for learner in candidates}
        except NotApplicable:
            return candidates[0], {}
        return max(found, key=lambda learner: found[learner]), found

    def _out_of_fold(self, names: Names, learner: str) -> float:
        evidence, outcome = self.evidence, self.outcome
        rows, x, answer = outcome.rows(evidence, evidence.train, names, learner)
        some = np.linspace(0, len(rows) - 1, min(len(rows), CHOSEN_ON)).astype(int)
        x, answer, fold = x[some], answer[some], folds(evidence.train.patient[rows[some]])
        said = np.zeros(len(x))
        for k in np.unique(fold):
            said[fold == k] = outcome.said(evidence, outcome.fitted(learner, x[fold != k], answer[fold != k]), x[fold == k])
        return float(_told(outcome.measures[outcome.key](said, answer, np.ones((1, len(x)))), "folds")[0])

    def _folds(self, names: Names) -> Iterator[Score]:
        """What the choice of the learner rests on."""
        key, (chosen, found) = f"{self.outcome.key}.folds", self._choice(names)
        if not found:
            self.evidence.not_applicable(key, "folds of the training patients hold too little; the first candidate was taken")
            return
        yield Score(key, found[chosen])
        yield from (Score(key, value, scope=f"learner:{learner}") for learner, value in found.items())


def _told(values: Floats, name: str) -> Floats:
    """The same, where they say something. Raises NotApplicable where all patients have one answer, or none can be compared."""
    if not np.isfinite(values[0]):
        raise NotApplicable(f"{name}: the patients it is tested on cannot be told apart by what is predicted")
    return values
