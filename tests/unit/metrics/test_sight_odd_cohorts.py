"""Odd cohorts and releases of all five kinds: a value within the declared range, or a reason; never a failure."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.metrics.sight.legibility import Legibility
from fpmg_plugins.metrics.sight.missingness import Missingness
from fpmg_plugins.metrics.sight.possible import Possible
from fpmg_plugins.metrics.sight.spectra import Spectra
from fpmg_plugins.metrics.sight.step_change import StepChange

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import fakes
from fpmg_bench.trial.measure import scores_of
from fpmg_bench.types import Pixels, Series, Table, Text

METRICS = {
    "spectra": Spectra(resamples=20), "legibility": Legibility(resamples=20), "possible": Possible(resamples=20),
    "missingness": Missingness(), "step-change": StepChange(),
}  # fmt: skip
SIGHT = ("grey-noise", "blur", "question-marks", "shuffled-words", "rare-pairs", "independent-gaps")


def having(cohort, **data):
    return replace(cohort, data={**cohort.data, **data})


def blank(cohort):
    """Nothing in any modality that is there."""
    n, series = len(cohort), cohort.data["series"]
    frame = cohort.data["table"].frame
    return having(
        cohort,
        table=Table(pd.DataFrame({c: np.full(n, np.nan, object if frame[c].dtype == object else float) for c in frame})),
        series=Series(series.time, np.zeros_like(series.values), np.zeros_like(series.seen)),
        text=Text(("",) * n),
        image=Pixels.of(np.zeros((n, 1, 16, 16), np.uint8)),
        video=Pixels.of(np.full((n, 4, 1, 16, 16), 255, np.uint8)),
    )


def infinite(cohort):
    series = cohort.data["series"]
    values = np.where(series.seen, series.values, 0)
    values[::3, 1] = np.inf
    values[1::3, 2] = np.nan
    frame = cohort.data["table"].frame.copy()
    frame.loc[::4, "lactate"] = np.inf
    return having(cohort, series=Series(series.time, values, series.seen), table=Table(frame))


def absent(cohort):
    return replace(cohort, present={name: np.zeros(len(cohort), bool) for name in cohort.present})


def one_class(cohort):
    condition = cohort.condition.copy()
    condition[:, 0] = 1
    condition[:, 1] = np.nan
    return replace(cohort, condition=condition)


CASES = {
    "twelve patients": (lambda c: c.take(np.arange(12)), lambda c: c.take(np.arange(12))),
    "three patients": (lambda c: c.take(np.arange(3)), lambda c: c.take(np.arange(3))),
    "a blank release": (lambda c: c, blank),
    "a blank cohort": (blank, blank),
    "real patients without anything": (blank, lambda c: c),
    "a release without modalities": (lambda c: c, absent),
    "real patients without modalities": (absent, lambda c: c),
    "infinite values": (infinite, infinite),
    "one class, unknown flag": (one_class, one_class),
    "one record again and again": (lambda c: c, lambda c: c.take(np.zeros(len(c), int))),
    "several records a patient": (lambda c: replace(c, patient=c.patient // 4), lambda c: c),
}


@pytest.mark.filterwarnings(
    "ignore:Mean of empty slice", "ignore:invalid value encountered in divide"
)  # the space's, on blank cohorts
@pytest.mark.parametrize("case", CASES)
def test_every_score_is_in_range_or_has_a_reason(case):
    real, made = CASES[case]
    train, r1, r2 = (real(fakes.cohort(90, i, offset=1000 * i)) for i in range(3))
    space = EvaluationSpace.fit(fakes.cohort(90, 0), 0)
    seen = Measured(
        train=train, r1=r1, r2=r2, held_out=r1, third=None, space=space, silo_names=("a", "b"),
        released={0: made(fakes.cohort(90, 7, offset=9000)), 1: made(fakes.cohort(90, 8, offset=9500))},
    )  # fmt: skip
    for name, metric in METRICS.items():
        for row in scores_of(name, metric, seen, 0):
            assert row["status"] in ("ok", "not_applicable"), f"{name}: {row['key']}: {row['reason']}"
            assert row["status"] == "ok" or row["reason"]


@pytest.mark.parametrize("control", SIGHT)
@pytest.mark.parametrize(
    "case", ["twelve patients", "three patients", "a blank cohort", "real patients without modalities", "infinite values"]
)
def test_controls_spoil_odd_cohorts_too(control, case):
    train = CASES[case][0](fakes.cohort(90, 0))
    try:
        made = CONTROLS[control](train, None, 0.5, rng_for(0, "c"))
    except NotApplicable as missing:
        pytest.skip(missing.reason)
    assert len(made) == len(train)
    for name, schema in train.schemas.items():
        assert len(made.data[name]) == len(train)
        if schema.kind == "table":
            assert list(made.data[name].frame.dtypes) == list(train.data[name].frame.dtypes)


@pytest.mark.parametrize("control", SIGHT)
def test_nothing_is_changed_at_strength_0(control):
    train = fakes.cohort(90, 0)
    if control == "rare-pairs":
        train = fakes.cohort(600, 0)
    made = CONTROLS[control](train, None, 0.0, rng_for(0, "c"))
    assert (made.data["image"].array() == train.data["image"].array()).all()
    assert made.data["text"] == train.data["text"]
    pd.testing.assert_frame_equal(made.data["table"].frame, train.data["table"].frame)
    assert (made.data["series"].seen == train.data["series"].seen).all()
