"""TSTR, utility: what a classifier trained on released records is worth on real patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics import detail
from fpmg_plugins.metrics.learner_choice import chosen
from fpmg_plugins.metrics.learners import Learner, probability, usable
from fpmg_plugins.metrics.ranking import balanced_accuracy, brier, macro_auprc, macro_auroc
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility import classes as utility_classes
from fpmg_plugins.metrics.utility.numbers import NUMBERS
from fpmg_plugins.metrics.utility.outcomes import Utility
from fpmg_plugins.metrics.utility_models import (
    ESTEBAN,
    LEARNERS,
    Tested,
    joint,
    models_of,
    of_classes,
    real_model,
    rows_of,
    score,
    tested,
)

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.ranking import Floats
    from fpmg_plugins.metrics.utility_models import Names

    Values = dict[tuple[str, str], tuple[Floats, int]]

MEASURES = {"auprc": macro_auprc, "balanced_accuracy": balanced_accuracy, "brier": brier}


class Tstr:
    """Utility on the held-out patients H of the learner that suits the cohort best, without leaking modalities.

    The learner: logistic regression on phi, boosted trees on phi, or boosted trees that see besides the raw grid of series in time
    and what a frozen network says of images (at 32 px; where one is installed): the one with the largest AUROC on three folds
    of the training patients T. H plays no part in it; it is chosen once for a dataset and seed, for each modality alone too, and
    is the same for TRTR and TSTR of every method. `tstr.folds`: those AUROCs by candidate (scope learner:NAME) and of the one
    chosen (scope all).
    `tstr`: AUROC on H (macro one-against-rest for several classes) of it trained on the release; range [0, 1], .5 is
    chance, higher is better; floor: the same trained on the training patients (TRTR), for each modality too.
    `tstr.gap` = TRTR - TSTR, ideal 0, paired bootstrap over patients. `tstr.auprc`, `tstr.balanced_accuracy`, `tstr.brier`:
    the same model; `tstr.logistic`, `tstr.trees`: those two. `tstr.trtr`, `tstr.trts` (trained on real, tested on the release).
    By class (scope class:NAME): `tstr` one against the rest from three classes on (two share the headline), `tstr.auprc`,
    `tstr.recall`; classes of fewer than 5 held-out patients are left out and counted. By subgroup: the metric `fairness`;
    real and synthetic together: the metric `augmentation`.
    `tstr.with_leaks`: with the modalities that contain the label by construction (Cohort.leaks): no headline.
    Where the label is a number: `tstr.r2` and `tstr.mae` (in its unit) of ridge regression on phi, or boosted trees on phi or with
    detail, chosen and trained as above by R2; range of R2 (-inf, 1], 0 says no more than the mean does; `tstr.r2.gap`, `.trtr`, `.trts`,
    `.folds`, `.ridge`, `.trees`, `.with_leaks` as their namesakes. Where it is the time to an event: the metric `survival`.
    A modality alone is scored on the records that have it. Needs two classes in the release and in H; where no held-out
    patient has every modality the joint is not applicable: which modalities a real patient has would stand for the label.
    Source: Esteban et al. 2017. Pitfalls: the release has T's label mixture, so a wrong mixture costs nothing here; a copy of T
    scores the full TRTR; `tstr.trts` rewards a release whose classes are caricatures (a collapse to the class means: 1).
    """

    family: ClassVar[str] = "utility"
    cheap: ClassVar[bool] = True  # seconds a release; bytes-to-target is about utility
    scales: ClassVar[Mapping[str, Scale]] = {
        "tstr": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN),
        "tstr.gap": Scale(0.0, False, low=-1.0, high=1.0, unit="AUROC", source="TRTR - TSTR"),
        "tstr.auprc": Scale(1.0, True, low=0.0, high=1.0, unit="AUPRC", source=ESTEBAN),
        "tstr.balanced_accuracy": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=ESTEBAN),
        "tstr.recall": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=ESTEBAN),
        "tstr.brier": Scale(0.0, False, low=0.0, high=1.0, unit="score", source="Brier 1950"),
        "tstr.logistic": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN),
        "tstr.trees": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN),
        "tstr.trtr": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source="train on real, test on real"),
        "tstr.trts": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source="train on real, test on synthetic"),
        "tstr.folds": Scale(1.0, None, low=0.0, high=1.0, unit="AUROC", source="out of fold on training patients"),
        "tstr.with_leaks": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN + "; modalities that leak the label"),
        "tstr.mae": Scale(0.0, False, low=0.0, unit="of the label", source=ESTEBAN),
        "tstr.r2": Scale(1.0, True, high=1.0, unit="R2", source=ESTEBAN),
        "tstr.r2.gap": Scale(0.0, False, unit="R2", source="TRTR - TSTR"),
        "tstr.r2.ridge": Scale(1.0, True, high=1.0, unit="R2", source=ESTEBAN),
        "tstr.r2.trees": Scale(1.0, True, high=1.0, unit="R2", source=ESTEBAN),
        "tstr.r2.trtr": Scale(1.0, True, high=1.0, unit="R2", source="train on real, test on real"),
        "tstr.r2.trts": Scale(1.0, True, high=1.0, unit="R2", source="train on real, test on synthetic"),
        "tstr.r2.folds": Scale(1.0, None, high=1.0, unit="R2", source="out of fold on training patients"),
        "tstr.r2.with_leaks": Scale(1.0, True, high=1.0, unit="R2", source=ESTEBAN + "; modalities that leak the label"),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def fingerprint(self) -> str:
        """The content of the network that reads images."""
        return detail.NETWORK.fingerprint

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Headline without leaking modalities, then with them, then each modality alone."""
        if evidence.train.task == "number":
            evidence.not_applicable("tstr", "the label is a number: see tstr.r2 and tstr.mae")
            return Utility(self, NUMBERS, evidence, self.resamples, fresh_seed(rng)).scores()
        of_classes(evidence)
        if len(np.unique(evidence.held_out.label)) < 2:
            raise NotApplicable("the held-out patients have one class only")
        seed = fresh_seed(rng)
        scores: list[Score] = []
        try:
            fair = joint(evidence)
        except NotApplicable as missing:
            evidence.not_applicable("tstr", missing.reason)
        else:
            scores += evidence.each_release(partial(self._headline, evidence, fair, seed))
            scores += [self._trtr(evidence, fair, seed), *_folds(evidence, fair)]
        every = usable(evidence, tuple(evidence.train.schemas))
        if evidence.train.leaks & set(every) and evidence.complete(evidence.held_out).any():
            scores += evidence.each_release(partial(self._brief, evidence, "tstr.with_leaks", every, LEARNERS, seed))
        for name in every if len(every) > 1 else ():
            scores += self._alone(evidence, name, seed)
        return scores

    def _alone(self, evidence: Evidence, name: str, seed: int) -> list[Score]:
        """One modality, or why it says nothing."""
        try:
            learner = (chosen(evidence, (name,)).learner,)
            return evidence.each_release(partial(self._brief, evidence, "tstr", (name,), learner, seed), modality=name)
        except NotApplicable as missing:
            evidence.not_applicable("tstr", missing.reason, modality=name)
            return []

    def _headline(self, evidence: Evidence, modalities: Names, seed: int, release: Cohort) -> list[Score]:
        made, real = self._values(evidence, release, modalities, seed), self._truth(evidence, modalities, seed)
        (area, n), (truth, _) = made["tstr", "all"], real["tstr", "all"]
        first, *others = (score(key, value, m, float(real[key, scope][0][0]), scope) for (key, scope), (value, m) in made.items())
        gap = score("tstr.gap", truth - area, n, floor=0.0)
        return [first, gap, *others, self._trts(evidence, modalities, release, float(truth[0]))]

    def _truth(self, evidence: Evidence, modalities: Names, seed: int) -> Values:
        return real_side(self, evidence, lambda: self._values(evidence, evidence.train, modalities, seed), modalities, seed)

    def _values(self, evidence: Evidence, train: Cohort, modalities: Names, seed: int) -> Values:
        """(key, scope) -> value and draws [1 + draws] of the learner trained on these records, and n."""
        found = self._tested(evidence, train, modalities, (chosen(evidence, modalities).learner,), seed)
        two = self._tested(evidence, train, modalities, LEARNERS, seed)
        n = len(found.rows)
        values = {("tstr", "all"): (found.mean(macro_auroc), n)}
        values |= {(f"tstr.{kind}", "all"): (area, n) for kind, area in zip(LEARNERS, two.each(macro_auroc), strict=True)}
        values |= {(f"tstr.{key}", "all"): (found.mean(measure), n) for key, measure in MEASURES.items()}
        for c, scope in utility_classes.shown(evidence, "tstr.auprc", found.rows):
            for key, measure in utility_classes.measures(evidence, c).items():
                name = "tstr" if key == "auroc" else f"tstr.{key}"
                values[name, scope] = (found.mean(measure), int((found.label == c).sum()))
        return values

    def _tested(self, evidence: Evidence, train: Cohort, modalities: Names, learners: tuple[Learner, ...], seed: int) -> Tested:
        """Learners that read the same features, trained on these records, on H."""
        models = models_of(evidence, train, modalities, learners)
        return tested(evidence, models, modalities, self.resamples, seed, learners[0])

    def _brief(
        self, evidence: Evidence, key: str, modalities: Names, learners: tuple[Learner, ...], seed: int, release: Cohort
    ) -> list[Score]:
        def area(train: Cohort) -> tuple[Floats, int]:
            found = self._tested(evidence, train, modalities, learners, seed)
            return found.mean(macro_auroc), len(found.rows)

        truth, _ = real_side(self, evidence, lambda: area(evidence.train), "brief", modalities, learners, seed)
        made, n = area(release)
        return [score(key, made, n, floor=float(truth[0]))]

    def _trtr(self, evidence: Evidence, modalities: Names, seed: int) -> Score:
        return score("tstr.trtr", *self._truth(evidence, modalities, seed)["tstr", "all"])

    def _trts(self, evidence: Evidence, modalities: Names, release: Cohort, floor: float) -> Score:
        """The real model on the release; floor: on the held-out patients."""
        learner = chosen(evidence, modalities).learner
        _, x, label = rows_of(evidence, release, modalities, learner)
        model = real_model(evidence, modalities, learner)
        area = macro_auroc(probability(model, x, len(evidence.train.classes)), label)[0]
        return Score("tstr.trts", float(area), n=len(label), floor=floor)


def _folds(evidence: Evidence, modalities: Names) -> list[Score]:
    """What the choice of the learner rests on."""
    found = chosen(evidence, modalities)
    if not found.areas:
        evidence.not_applicable("tstr.folds", "folds of the training patients lack classes; the first candidate was taken")
        return []
    every = [Score("tstr.folds", area, scope=f"learner:{learner}") for learner, area in found.areas.items()]
    return [Score("tstr.folds", found.areas[found.learner]), *every]
