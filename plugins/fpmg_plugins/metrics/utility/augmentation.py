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
from fpmg_plugins.metrics.utility_models import LEARNERS, joint, models_of, rows_of, score, tested

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.ranking import Floats, Measure
    from fpmg_plugins.metrics.utility_models import Names

    Values = dict[tuple[str, str], tuple[Floats, int]]

GAIN = "EVALUATION.md: augmentation, real + synthetic against real alone"


class Augmentation:
    """Held-out patients H, a logistic and a boosted-tree learner on phi without leaking modalities; T training patients, S release.

    `augmentation` = AUROC on H of learners trained on T and S together - AUROC of those trained on T alone (macro for several
    classes); range [-1, 1], above 0 the release helps, higher is better. Floor: T added to itself, which tells nothing new.
    `augmentation.balanced_accuracy`: the same of balanced accuracy. `augmentation.recall` by class (scope class:NAME): does the
    release help the minority? Interval: bootstrap over patients, paired.
    Needs two classes in H, and 5 held-out patients of a class and of the rest for its recall. Pitfalls: gains of a hundredth are
    noise on a few hundred patients; learners see 4,000 rows at most, so above that S displaces some of T.
    """

    family: ClassVar[str] = "utility"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "augmentation": Scale(1.0, True, low=-1.0, high=1.0, unit="AUROC", source=GAIN),
        "augmentation.balanced_accuracy": Scale(1.0, True, low=-1.0, high=1.0, unit="share", source=GAIN),
        "augmentation.recall": Scale(1.0, True, low=-1.0, high=1.0, unit="share", source=GAIN),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """The gain of every release beside that of T itself."""
        seed, names = fresh_seed(rng), joint(evidence)
        floor = real_side(self, evidence, lambda: self._gains(evidence, names, seed, {}, evidence.train), "floor", names, seed)
        found = {(s.key, s.scope): s.value for s in floor}
        return evidence.each_release(partial(self._gains, evidence, names, seed, found))

    def _gains(
        self, evidence: Evidence, names: Names, seed: int, floor: Mapping[tuple[str, str], float], release: Cohort
    ) -> list[Score]:
        parts = [rows_of(evidence, cohort, names)[1:] for cohort in (evidence.train, release)]
        x, label = (np.concatenate(both) for both in zip(*parts, strict=True))
        both = self._values(evidence, names, seed, [fit(learner, x, label) for learner in LEARNERS])
        alone = real_side(self, evidence, lambda: self._alone(evidence, names, seed), "alone", names, seed)
        return [
            score(key, value - alone[key, scope][0], n, floor.get((key, scope)), scope)
            for (key, scope), (value, n) in both.items()
        ]

    def _alone(self, evidence: Evidence, names: Names, seed: int) -> Values:
        return self._values(evidence, names, seed, models_of(evidence, evidence.train, names, LEARNERS))

    def _values(self, evidence: Evidence, names: Names, seed: int, models: Sequence[Any]) -> Values:
        """(key, scope) -> value and draws [1 + draws] of these models, and n."""
        found = tested(evidence, models, names, self.resamples, seed, LEARNERS[0])
        measures: dict[tuple[str, str], Measure] = {
            ("augmentation", "all"): macro_auroc,
            ("augmentation.balanced_accuracy", "all"): balanced_accuracy,
        }
        for c, scope in classes.shown(evidence, "augmentation.recall", found.rows):
            measures["augmentation.recall", scope] = classes.measures(evidence, c)["recall"]
        return {where: (found.mean(measure), len(found.rows)) for where, measure in measures.items()}
