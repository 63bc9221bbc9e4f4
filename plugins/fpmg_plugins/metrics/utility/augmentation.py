"""Augmentation: is a classifier of real patients better if it sees the released records too?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.learners import fit
from fpmg_plugins.metrics.ranking import balanced_accuracy, macro_auroc
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility import classes
from fpmg_plugins.metrics.utility.numbers import gains
from fpmg_plugins.metrics.utility_models import LEARNERS, joint, models_of, of_classes, rows_of, score, tested

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.ranking import Floats, Measure
    from fpmg_plugins.metrics.utility_models import Names

    Values = dict[tuple[str, str], tuple[Floats, int]]

NAMES = ("augmentation", "augmentation.even")
GAIN = "EVALUATION.md: augmentation, real + synthetic against real alone"


class Augmentation:
    """Held-out patients H, a logistic and a boosted-tree learner on phi without leaking modalities; T training patients, S release.

    `augmentation` = AUROC on H of learners trained on T and S together - AUROC of those trained on T alone (macro for several
    classes); range [-1, 1], above 0 the release helps, higher is better. Floor: T added to itself, which tells nothing new.
    `augmentation.balanced_accuracy`: the same of balanced accuracy. `augmentation.recall`, `augmentation.auprc` by class (scope
    class:NAME): does the release help the minority? Interval: bootstrap over patients, paired.
    even: besides, as `augmentation.even` and its kin, with a sample that has every label equally often in the place of S; floor:
    T's own records, rare ones repeated until labels are as frequent as there, which is what a hospital can do without any release.
    Where the label is a number: `augmentation.r2`, the same gain in R2 of ridge regression and boosted trees. Of the time to an event
    nothing is said here.
    Needs two classes in H, and 5 held-out patients of a class and of the rest for its recall. Pitfalls: gains of a hundredth are
    noise on a few hundred patients; recall rises, and precision falls, with the mere number of records of a class: read
    the floor, and the area under both; learners see 4,000 rows at most, so above that S displaces some of T.
    """

    family: ClassVar[str] = "utility"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        f"{name}{score}": Scale(1.0, True, low=-1.0, high=1.0, unit=unit, source=GAIN)
        for name in NAMES
        for score, unit in (("", "AUROC"), (".balanced_accuracy", "share"), (".recall", "share"), (".auprc", "AUPRC"))
    } | {"augmentation.r2": Scale(1.0, True, high=1.0, unit="R2", source=GAIN)}

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200, even: bool = False) -> None:
        self.resamples = resamples
        self.even = even

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """The gain of every release beside that of T itself, and that of an even sample beside that of T made even."""
        if evidence.train.task == "number":
            evidence.not_applicable(NAMES[0], "the label is a number: see augmentation.r2")
            return gains(evidence, self.resamples, fresh_seed(rng))
        of_classes(evidence)
        seed, names = fresh_seed(rng), joint(evidence)
        found = self._beside(evidence, names, seed, NAMES[0], evidence.train)
        scores = evidence.each_release(partial(self._gains, evidence, names, seed, NAMES[0], found))
        if not self.even:
            return scores
        if not evidence.balanced:
            evidence.not_applicable(NAMES[1], "there is no sample that has every label equally often")
            return scores
        size = len(next(iter(evidence.balanced.values())))
        found = self._beside(evidence, names, seed, NAMES[1], _evened(evidence.train, size))
        even = partial(self._gains, evidence, names, seed, NAMES[1], found)
        return scores + evidence.each_release(even, evidence.balanced, NAMES[1])

    def _beside(self, evidence: Evidence, names: Names, seed: int, name: str, real: Cohort) -> dict[tuple[str, str], float]:
        """What real records are worth in the place of a release."""
        made = real_side(self, evidence, lambda: self._gains(evidence, names, seed, name, {}, real), name, names, seed)
        return {(s.key, s.scope): s.value for s in made}

    def _gains(
        self, evidence: Evidence, names: Names, seed: int, name: str, floor: Mapping[tuple[str, str], float], release: Cohort
    ) -> list[Score]:
        parts = [rows_of(evidence, cohort, names)[1:] for cohort in (evidence.train, release)]
        x, label = (np.concatenate(both) for both in zip(*parts, strict=True))
        both = self._values(evidence, names, seed, name, [fit(learner, x, label) for learner in LEARNERS])
        alone = real_side(self, evidence, lambda: self._alone(evidence, names, seed), "alone", names, seed)
        return [
            score(name + key, value - alone[key, scope][0], n, floor.get((name + key, scope)), scope)
            for (key, scope), (value, n) in both.items()
        ]

    def _alone(self, evidence: Evidence, names: Names, seed: int) -> Values:
        return self._values(evidence, names, seed, NAMES[0], models_of(evidence, evidence.train, names, LEARNERS))

    def _values(self, evidence: Evidence, names: Names, seed: int, name: str, models: Sequence[Any]) -> Values:
        """(what follows the name, scope) -> value and draws [1 + draws] of these models, and n."""
        found = tested(evidence, models, names, self.resamples, seed, LEARNERS[0])
        measures: dict[tuple[str, str], Measure] = {("", "all"): macro_auroc, (".balanced_accuracy", "all"): balanced_accuracy}
        for c, scope in classes.shown(evidence, f"{name}.recall", found.rows):
            of = classes.measures(evidence, c)
            measures |= {(f".{key}", scope): of[key] for key in ("recall", "auprc")}
        return {where: (found.mean(measure), len(found.rows)) for where, measure in measures.items()}


def _evened(train: Cohort, size: int) -> Cohort:
    """`size` of these records with every label equally often, rare ones repeated."""
    labels = np.unique(train.label)
    counts = np.bincount(np.arange(size) % len(labels), minlength=len(labels))
    rows = [np.resize(np.flatnonzero(train.label == c), k) for c, k in zip(labels, counts, strict=True)]
    return train.take(np.concatenate(rows))
