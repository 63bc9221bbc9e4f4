"""Survival: what the time to an event that was learnt from released records is worth on real patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.learners import spaced
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.utility.outcomes import Outcome, Utility

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.utility_models import Floats

HARRELL = "Harrell et al. 1982, concordance"
PACKAGE = "scikit-survival"
COMPARED = 2_000  # patients whose pairs are compared
PENALTY = 10.0  # of a standardised feature, as much as the logistic learner's
TREES, LEAF, GROWN_ON = 50, 15, 1_000  # of the forest: the log-rank test of every split sees all of a node's times
FEWEST = 10  # events that a model is fitted on
TIED = 1e-8  # risks that are no farther apart count half


class Survival:
    """Utility where the label is the time to an event (`label: {event: .., time: ..}`), censored where none was seen.

    `survival` = Harrell's concordance on the held-out patients H of a model of T's fair modalities (phi) trained on the release: the
    share of pairs, of which it is known who had the event first, that the model's risks put in that order; ties count half; range
    [0, 1], .5 is chance, higher is better; floor: the same trained on the training patients T. The model: Cox's (penalised), or a random
    survival forest (50 trees, 1,000 records at most), whichever is better on three folds of T; `survival.cox`, `survival.forest`:
    those two; `survival.folds`: the concordances by which it was chosen. `survival.gap` = TRTR - TSTR, ideal 0;
    `survival.trtr`; `survival.trts` (trained on real, tested on the release); `survival.with_leaks`; each modality alone.
    Interval: bootstrap over patients. Needs 10 events to learn from, and the extra `survival` (scikit-survival).
    Source: Harrell et al. 1982; Cox 1972; Ishwaran et al. 2008; Esteban et al. 2017. Pitfalls: concordance depends on who is censored,
    and sees ranks alone: a release in which everybody dies a year too late scores in full, so read the time under `balance.numbers`
    beside it; a pair whose earlier time is censored tells nothing.
    """

    family: ClassVar[str] = "utility"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "survival": Scale(1.0, True, low=0.0, high=1.0, unit="concordance", source=HARRELL),
        "survival.gap": Scale(0.0, False, low=-1.0, high=1.0, unit="concordance", source="TRTR - TSTR"),
        "survival.cox": Scale(1.0, True, low=0.0, high=1.0, unit="concordance", source="Cox 1972"),
        "survival.forest": Scale(1.0, True, low=0.0, high=1.0, unit="concordance", source="Ishwaran et al. 2008"),
        "survival.trtr": Scale(1.0, True, low=0.0, high=1.0, unit="concordance", source="train on real, test on real"),
        "survival.trts": Scale(1.0, True, low=0.0, high=1.0, unit="concordance", source="train on real, test on synthetic"),
        "survival.folds": Scale(1.0, None, low=0.0, high=1.0, unit="concordance", source="out of fold on training patients"),
        "survival.with_leaks": Scale(
            1.0, True, low=0.0, high=1.0, unit="concordance", source=HARRELL + "; modalities that leak the label"
        ),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def fingerprint(self) -> str:
        """Which scikit-survival fits the models."""
        return _installed() or "absent"

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Headline without leaking modalities, then with them, then each modality alone."""
        if evidence.train.task != "event":
            raise NotApplicable("the label is no time to an event (cohort.yaml: `label: {event: .., time: ..}`)")
        if not _installed():
            raise NotApplicable("pip install 'fpmg-bench[survival]'")
        return Utility(self, TIMES, evidence, self.resamples, fresh_seed(rng)).scores()


def _installed() -> str:
    """The version, empty where there is none."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""


def concordance(risk: Floats, answer: Floats, weights: Floats) -> Floats:
    """Harrell's C [draws] of risks [n]; answer [n, 2]: event and time; bootstrap weights [draws, n]; NaN where nobody can be compared.

    A pair counts where the earlier time is an event's; of two equal times, where one is an event's and the other a censored one.
    """
    some = np.linspace(0, len(risk) - 1, min(len(risk), COMPARED)).astype(int)
    risk, (event, time), w = risk[some], answer[some].T, weights[:, some].astype(np.float64)
    later = time[:, None] < time[None, :]
    later |= (time[:, None] == time[None, :]) & (event[None, :] < 0.5)
    counts = (later & (event[:, None] > 0.5)).astype(np.float64)
    apart = risk[:, None] - risk[None, :]
    right = np.where(np.abs(apart) <= TIED, 0.5, apart > 0) * counts
    pairs = ((w @ counts) * w).sum(1)
    found: Floats = np.divide(((w @ right) * w).sum(1), pairs, out=np.full(len(w), np.nan), where=pairs > 0)
    return found


def fit(learner: str, x: Floats, answer: Floats) -> Any:
    """A fitted Cox model or survival forest. Raises NotApplicable for fewer than 10 events."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    rows = spaced(len(x)) if learner == "cox" else np.linspace(0, len(x) - 1, min(len(x), GROWN_ON)).astype(int)
    event, time = answer[rows].T
    if event.sum() < FEWEST:
        raise NotApplicable(f"{int(event.sum())} events to learn from; {FEWEST} are needed")
    model = (
        make_pipeline(StandardScaler(), CoxPHSurvivalAnalysis(PENALTY))
        if learner == "cox"
        else RandomSurvivalForest(TREES, min_samples_leaf=LEAF, low_memory=True, random_state=0)
    )
    return model.fit(x[rows], Surv.from_arrays(event > 0.5, time - time.min()))


def _answer(cohort: Cohort) -> Floats:
    """Event and time [n, 2]."""
    return np.stack([cohort.label.astype(np.float64), cohort.target], 1)


def _said(evidence: Evidence, model: Any, x: Floats) -> Floats:
    """Risks: larger, sooner."""
    return np.asarray(model.predict(x), np.float64)


TIMES = Outcome(("cox", "forest"), "", _answer, fit, _said, {"survival": concordance})
