"""TSTR, utility: what a classifier trained on released records is worth on real patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.learners import Learner, design, fit, probability, usable
from fpmg_plugins.metrics.ranking import balanced_accuracy, brier, macro_auprc, macro_auroc
from fpmg_plugins.metrics.resampling import fresh_seed, interval, value_and_draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

LEARNERS: tuple[Learner, ...] = ("logistic", "trees")
ESTEBAN = "Esteban et al. 2017, train on synthetic, test on real"


@dataclass(frozen=True, slots=True)
class Tested:
    """What one training set is worth on H: P(class | x) [n, k] and AUROC [1 + draws] of each learner; draw 0 is the value."""

    probabilities: tuple[Floats, ...]
    areas: tuple[Floats, ...]

    @property
    def mean_area(self) -> Floats:
        """Mean over learners of value and draws [1 + draws]."""
        return np.asarray(np.mean(self.areas, 0))


class Tstr:
    """Utility on the held-out patients H, mean of a logistic regression and boosted trees on phi, without leaking modalities.

    `tstr`: AUROC on H (macro one-against-rest for several classes) of learners trained on the release; range [0, 1], .5 is
    chance, higher is better; floor: the same trained on the training patients (TRTR), for each modality too (logistic).
    `tstr.gap` = TRTR - TSTR, ideal 0, paired bootstrap over patients. `tstr.auprc`, `tstr.balanced_accuracy`, `tstr.brier`,
    `tstr.logistic`, `tstr.trees`: the same two models. `tstr.trtr`, `tstr.trts` (trained on real, tested on the release).
    `tstr.with_leaks`: with the modalities that contain the label by construction (Cohort.leaks): no headline.
    A modality alone is scored on the records that have it. Needs two classes in the release and in H; where no held-out patient has
    every modality the joint is not applicable: which modalities a real patient has would stand for the label. Source: Esteban et al. 2017. Pitfalls: the release has T's label mixture, so a
    wrong mixture costs nothing here; a copy of T scores the full TRTR.
    """

    family: ClassVar[str] = "utility"
    cheap: ClassVar[bool] = True  # half a second a release; bytes-to-target is about utility
    scales: ClassVar[Mapping[str, Scale]] = {
        "tstr": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN),
        "tstr.gap": Scale(0.0, False, low=-1.0, high=1.0, unit="AUROC", source="TRTR - TSTR"),
        "tstr.auprc": Scale(1.0, True, low=0.0, high=1.0, unit="AUPRC", source=ESTEBAN),
        "tstr.balanced_accuracy": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=ESTEBAN),
        "tstr.brier": Scale(0.0, False, low=0.0, high=1.0, unit="score", source="Brier 1950"),
        "tstr.logistic": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN),
        "tstr.trees": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN),
        "tstr.trtr": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source="train on real, test on real"),
        "tstr.trts": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source="train on real, test on synthetic"),
        "tstr.with_leaks": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN + "; modalities that leak the label"),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Headline without leaking modalities, then with them, then each modality alone."""
        if len(np.unique(evidence.held_out.label)) < 2:
            raise NotApplicable("the held-out patients have one class only")
        seed = fresh_seed(rng)
        every = usable(evidence, tuple(evidence.train.schemas))
        fair = tuple(name for name in every if name not in evidence.train.leaks)
        scores: list[Score] = []
        if not evidence.complete(evidence.held_out).any():
            evidence.not_applicable("tstr", "no held-out patient has all modalities")
        elif fair:
            scores += evidence.each_release(partial(self._headline, evidence, fair, seed))
            scores.append(self._trtr(evidence, fair, seed))
        else:
            evidence.not_applicable("tstr", "every modality contains the label by construction")
        if fair != every and evidence.complete(evidence.held_out).any():
            scores += evidence.each_release(partial(self._brief, evidence, "tstr.with_leaks", every, LEARNERS, seed))
        for name in every if len(every) > 1 else ():
            scores += self._alone(evidence, name, seed)
        return scores

    def _alone(self, evidence: Evidence, name: str, seed: int) -> list[Score]:
        """One modality, or why it says nothing."""
        try:
            return evidence.each_release(partial(self._brief, evidence, "tstr", (name,), LEARNERS[:1], seed), modality=name)
        except NotApplicable as missing:
            evidence.not_applicable("tstr", missing.reason, modality=name)
            return []

    def _headline(self, evidence: Evidence, modalities: tuple[str, ...], seed: int, release: Cohort) -> list[Score]:
        label, n = _rows(evidence, evidence.held_out, modalities)[1], len(evidence.held_out)
        real = self._real(evidence, modalities, LEARNERS, seed)
        made = self._test(evidence, release, modalities, LEARNERS, seed)
        area, gap = made.mean_area, real.mean_area - made.mean_area
        mean = {f: float(np.mean([f(p, label) for p in made.probabilities])) for f in (macro_auprc, balanced_accuracy, brier)}
        floor = {f: float(np.mean([f(p, label) for p in real.probabilities])) for f in mean}
        return [
            _score("tstr", area, n, floor=float(real.mean_area[0])),
            _score("tstr.gap", gap, n, floor=0.0),
            *(_score(f"tstr.{k}", a, n, floor=float(r[0])) for k, a, r in zip(LEARNERS, made.areas, real.areas, strict=True)),
            Score("tstr.auprc", mean[macro_auprc], n=n, floor=floor[macro_auprc]),
            Score("tstr.balanced_accuracy", mean[balanced_accuracy], n=n, floor=floor[balanced_accuracy]),
            Score("tstr.brier", mean[brier], n=n, floor=floor[brier]),
            *self._trts(evidence, modalities, seed, release),
        ]

    def _brief(
        self, evidence: Evidence, key: str, modalities: tuple[str, ...], learners: tuple[Learner, ...], seed: int, release: Cohort
    ) -> list[Score]:
        real = self._real(evidence, modalities, learners, seed)
        made = self._test(evidence, release, modalities, learners, seed)
        return [_score(key, made.mean_area, len(evidence.held_out), floor=float(real.mean_area[0]))]

    def _trtr(self, evidence: Evidence, modalities: tuple[str, ...], seed: int) -> Score:
        return _score("tstr.trtr", self._real(evidence, modalities, LEARNERS, seed).mean_area, len(evidence.held_out))

    def _trts(self, evidence: Evidence, modalities: tuple[str, ...], seed: int, release: Cohort) -> list[Score]:
        """The real models on the release; floor: on the held-out patients."""
        if len(np.unique(release.label)) < 2:
            raise NotApplicable("the release has one class only")
        x, label = _rows(evidence, release, modalities)
        classes = len(evidence.train.classes)
        models = [self._real_model(evidence, modalities, learner) for learner in LEARNERS]
        areas = [macro_auroc(probability(model, x, classes), label)[0] for model in models]
        floor = float(self._real(evidence, modalities, LEARNERS, seed).mean_area[0])
        return [Score("tstr.trts", float(np.mean(areas)), n=len(release), floor=floor)]

    def _test(
        self, evidence: Evidence, train: Cohort, modalities: tuple[str, ...], learners: tuple[Learner, ...], seed: int
    ) -> Tested:
        """Train on a cohort, test on H."""
        if train is evidence.train:
            models = [self._real_model(evidence, modalities, learner) for learner in learners]
        else:
            x, label = _rows(evidence, train, modalities)
            models = [fit(learner, x, label) for learner in learners]
        held_out, classes = evidence.held_out, len(evidence.train.classes)
        x, label = _rows(evidence, held_out, modalities)
        if len(np.unique(label)) < 2:
            raise NotApplicable(f"the {len(label)} held-out records with {', '.join(modalities)} have one class only")
        weights = evidence.once(
            ("tstr weights", seed, self.resamples), lambda: value_and_draws(held_out.patient, self.resamples, seed)
        )
        probabilities = tuple(probability(model, x, classes) for model in models)
        kept = weights[:, _having(evidence, held_out, modalities)]
        return Tested(probabilities, tuple(macro_auroc(p, label, kept) for p in probabilities))

    def _real(self, evidence: Evidence, modalities: tuple[str, ...], learners: tuple[Learner, ...], seed: int) -> Tested:
        """TRTR; it depends on the split alone and is computed once."""
        key = ("trtr", modalities, learners, seed, self.resamples)
        tested: Tested = evidence.once(key, lambda: self._test(evidence, evidence.train, modalities, learners, seed))
        return tested

    def _real_model(self, evidence: Evidence, modalities: tuple[str, ...], learner: Learner) -> Any:
        return evidence.once(
            ("trtr model", modalities, learner), lambda: fit(learner, *_rows(evidence, evidence.train, modalities))
        )


def _having(evidence: Evidence, cohort: Cohort, modalities: tuple[str, ...]) -> NDArray[np.bool_]:
    """Records [n] that have any of the modalities."""
    having: NDArray[np.bool_] = np.any([evidence.complete(cohort, name) for name in modalities], axis=0)
    return having


def _rows(evidence: Evidence, cohort: Cohort, modalities: tuple[str, ...]) -> tuple[Floats, NDArray[np.int64]]:
    """Features and labels of those records."""
    having = _having(evidence, cohort, modalities)
    return design(evidence, cohort, modalities)[having], cohort.label[having]


def _score(key: str, area: Floats, n: int, floor: float | None = None) -> Score:
    low, high = interval(area[1:])
    return Score(key, float(area[0]), low=low, high=high, n=n, floor=floor)
