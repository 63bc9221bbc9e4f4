"""Utility where the label is a number: regression, judged by the share of variance explained and the mean absolute error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import TARGET, Score
from fpmg_plugins.metrics.learners import boosted, spaced
from fpmg_plugins.metrics.utility.outcomes import Outcome
from fpmg_plugins.metrics.utility_models import fair, score

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort
    from fpmg_plugins.metrics.utility_models import Floats

RIDGE = 10.0  # of a standardised feature, as much as the logistic learner's


def r2(said: Floats, number: Floats, weights: Floats) -> Floats:
    """1 - squared error over variance [draws] under bootstrap weights [draws, n]; NaN where the numbers of a draw are all the same."""
    total = weights.sum(1)
    mean = weights @ number / total
    off = weights @ (number - said) ** 2
    spread = weights @ number**2 - total * mean**2
    there = spread > 1e-12 * np.maximum(weights @ number**2, 1e-300)
    found: Floats = 1 - np.divide(off, spread, out=np.full(len(off), np.nan), where=there)
    return found


def mae(said: Floats, number: Floats, weights: Floats) -> Floats:
    """Mean absolute error [draws] under bootstrap weights [draws, n], in the number's unit."""
    found: Floats = weights @ np.abs(number - said) / weights.sum(1)
    return found


def fit(learner: str, x: Floats, number: Floats) -> Any:
    """A fitted ridge regression, or boosted trees, of at most as many rows as a classifier sees."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = spaced(len(x))
    model = make_pipeline(StandardScaler(), Ridge(RIDGE)) if learner == "ridge" else boosted(len(rows), 0)
    return model.fit(x[rows], number[rows])


def _said(evidence: Evidence, model: Any, x: Floats) -> Floats:
    """Predictions within the declared range."""
    column = evidence.train.conditions[TARGET]
    found: Floats = np.clip(model.predict(x), column.low, column.high)
    return found


NUMBERS = Outcome(("ridge", "trees"), "detail", lambda cohort: cohort.target, fit, _said, {"tstr.r2": r2, "tstr.mae": mae})


def gains(evidence: Evidence, draws: int, seed: int) -> list[Score]:
    """`augmentation.r2`: R2 on H of ridge and trees trained on T and the release together, minus that of T alone, mean of both."""
    from fpmg_plugins.metrics.real_side import value_and_draws

    names, train, held = fair(evidence), evidence.train, evidence.held_out
    weights = value_and_draws(evidence, held.patient, draws, seed)

    def worth(more: Cohort | None) -> tuple[Floats, int]:
        found = []
        rows, x, number = NUMBERS.rows(evidence, held, names, "ridge")
        for learner in NUMBERS.learners:
            parts = [NUMBERS.rows(evidence, part, names, learner)[1:] for part in (train, more) if part is not None]
            model = NUMBERS.fitted(learner, *(np.concatenate(both) for both in zip(*parts, strict=True)))
            found.append(r2(_said(evidence, model, x), number, weights[:, rows]))
        return np.asarray(np.mean(found, 0)), len(rows)

    alone, twice = evidence.once(("augmentation of numbers", names, draws, seed), lambda: (worth(None)[0], worth(train)[0]))

    def gain(release: Cohort) -> list[Score]:
        both, n = worth(release)
        return [score("augmentation.r2", both - alone, n, float(twice[0] - alone[0]))]

    return evidence.each_release(gain)
