"""Augmentation: is a classifier of real patients better if it sees the released records too?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.learners import fit
from fpmg_plugins.metrics.ranking import balanced_accuracy, macro_auroc
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility import classes
from fpmg_plugins.metrics.utility_models import LEARNERS, joint, models_of, rows_of, score, tested

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.ranking import Measure
    from fpmg_plugins.metrics.utility_models import Names, Tested

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
        alone = tested(evidence, models_of(evidence, evidence.train, names, LEARNERS), names, self.resamples, seed)
        floor = {(s.key, s.scope): s.value for s in self._gains(evidence, names, seed, alone, {}, evidence.train)}
        return evidence.each_release(partial(self._gains, evidence, names, seed, alone, floor))

    def _gains(
        self, evidence: Evidence, names: Names, seed: int, alone: Tested, floor: Mapping[tuple[str, str], float], release: Cohort
    ) -> list[Score]:
        parts = [rows_of(evidence, cohort, names)[1:] for cohort in (evidence.train, release)]
        x, label = (np.concatenate(both) for both in zip(*parts, strict=True))
        both = tested(evidence, [fit(learner, x, label) for learner in LEARNERS], names, self.resamples, seed)
        measures: dict[tuple[str, str], Measure] = {
            ("augmentation", "all"): macro_auroc,
            ("augmentation.balanced_accuracy", "all"): balanced_accuracy,
        }
        for c, scope in classes.shown(evidence, "augmentation.recall", both.rows):
            measures["augmentation.recall", scope] = classes.measures(evidence, c)["recall"]
        return [
            score(key, both.mean(measure) - alone.mean(measure), len(both.rows), floor.get((key, scope)), scope)
            for (key, scope), measure in measures.items()
        ]
