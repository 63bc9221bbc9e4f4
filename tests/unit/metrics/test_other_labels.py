"""Utility where the label is a number, the time to an event, or absent: known answers, and the controls."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.balance.balance import Balance
from fpmg_plugins.metrics.privacy.inference.columns import columns_of
from fpmg_plugins.metrics.utility import survival
from fpmg_plugins.metrics.utility.augmentation import Augmentation
from fpmg_plugins.metrics.utility.fairness import Fairness
from fpmg_plugins.metrics.utility.numbers import mae, r2
from fpmg_plugins.metrics.utility.survival import Survival, concordance
from fpmg_plugins.metrics.utility.tstr import Tstr

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.strata import label_of, no_label, stratum
from fpmg_bench.types import Column

SCORE, CUTS = Column("score", "number", low=0.0, high=100.0, step=1.0), (20.0, 40.0, 60.0)
DIED, DAYS = Column("died", "flag", stands_for="event"), Column("days", "number", low=0.0, high=3000.0)


def scored(cohort):
    """The phantom's severity as a number."""
    score = np.round(100 * cohort.condition[:, 1]).clip(0, 100)
    condition = np.column_stack([stratum(score, CUTS), score])
    return replace(cohort, conditions=(label_of(SCORE, CUTS), SCORE), condition=condition)


def timed(cohort):
    """Days to death, fewer the more severe, most of them censored at random."""
    rng = np.random.default_rng(len(cohort))
    death = 1000 * np.exp(-6 * cohort.condition[:, 1]) * rng.exponential(1, len(cohort))
    until = rng.uniform(0, 1000, len(cohort))
    condition = np.column_stack([death <= until, np.minimum(death, until)]).astype(float)
    return replace(cohort, conditions=(DIED, DAYS), condition=condition)


def unlabelled(cohort):
    return replace(cohort, conditions=(no_label(),), condition=np.zeros((len(cohort), 1)))


@pytest.fixture(scope="module")
def phantom():
    return Phantom(patients=900, silos=2, modalities=("table", "series"))


@pytest.fixture(scope="module")
def prepared(phantom):
    cohort, found = phantom.load(), {}
    for labelled in (scored, timed, unlabelled):
        made = split(labelled(cohort), 0)
        found[labelled] = made, EvaluationSpace.fit(made.train, 0)
    return found


def measured(prepared, labelled, release, metric):
    made, space = prepared[labelled]
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: release})
    found = metric(evidence, rng_for(0, "m"))
    return {(s.key, s.modality): s for s in found if s.scope == "all"}, evidence.gaps


def control(prepared, labelled, name):
    return CONTROLS[name](prepared[labelled][0].train, None, 1.0, rng_for(0, name))


def test_weighted_errors_are_those_of_scikit_learn():
    from sklearn.metrics import mean_absolute_error, r2_score

    rng = np.random.default_rng(0)
    said, number, weights = rng.normal(size=60), rng.normal(size=60), rng.integers(0, 4, (3, 60)).astype(float)
    for measure, known in ((r2, r2_score), (mae, mean_absolute_error)):
        assert measure(said, number, weights) == pytest.approx([known(number, said, sample_weight=w) for w in weights])
    assert np.isnan(r2(said, np.ones(60), weights)).all()


def test_concordance_is_that_of_scikit_survival_with_ties_and_censoring():
    metrics = pytest.importorskip("sksurv.metrics")
    rng = np.random.default_rng(1)
    event, time = rng.random(200) < 0.6, rng.integers(1, 30, 200).astype(float)
    risk = np.round(-time / 10 + rng.normal(size=200))
    answer = np.column_stack([event, time]).astype(float)
    known = metrics.concordance_index_censored(event, time, risk)[0]
    assert concordance(risk, answer, np.ones((1, 200))) == pytest.approx([known], abs=1e-12)
    twice = np.arange(200).repeat(2)  # a record drawn twice counts twice
    found = concordance(risk[twice], answer[twice], np.ones((1, 400)))
    assert found == pytest.approx(concordance(risk, answer, np.full((1, 200), 2.0)), abs=1e-12)
    assert np.isnan(concordance(risk, np.column_stack([np.zeros(200), time]), np.ones((1, 200)))).all()


def test_a_copy_explains_what_training_patients_do_and_swapped_numbers_nothing(prepared):
    found, gaps = measured(prepared, scored, control(prepared, scored, "copy"), Tstr(resamples=50))
    head = found["tstr.r2", None]
    assert head.value == pytest.approx(head.floor, abs=1e-9) and head.value > 0.4 and found["tstr.mae", None].value < 15
    assert found["tstr.r2.gap", None].value == pytest.approx(0.0, abs=1e-9)
    assert ("tstr", None) not in found and any(gap.key == "tstr" and "number" in gap.reason for gap in gaps)
    assert {modality for key, modality in found if key == "tstr.r2"} == {None, "table", "series"}
    for name in ("label-swap", "uniform"):
        spoiled, _ = measured(prepared, scored, control(prepared, scored, name), Tstr(resamples=50))
        assert spoiled["tstr.r2", None].value < head.floor / 4, name
        assert spoiled["tstr.mae", None].value > found["tstr.mae", None].value + 3, name


def test_the_simulator_is_worth_the_training_patients(prepared, phantom):
    made = prepared[scored][0].train
    fresh = phantom.simulate(len(made), 5)
    found, _ = measured(prepared, scored, scored(fresh), Tstr(resamples=50))
    assert found["tstr.r2.gap", None].value == pytest.approx(0.0, abs=0.08)
    pytest.importorskip("sksurv")
    late, _ = measured(prepared, timed, timed(fresh), Survival(resamples=50))
    assert late["survival.gap", None].value == pytest.approx(0.0, abs=0.05)


def test_a_copy_foretells_events_and_swapped_or_uniform_patients_do_not(prepared):
    pytest.importorskip("sksurv")
    found, _ = measured(prepared, timed, control(prepared, timed, "copy"), Survival(resamples=50))
    head = found["survival", None]
    assert head.value == pytest.approx(head.floor, abs=1e-9) and head.low > 0.6
    swapped, uniform = (
        measured(prepared, timed, control(prepared, timed, name), Survival(resamples=50))[0] for name in ("label-swap", "uniform")
    )
    for key in ("survival", "survival.cox", "survival.forest"):
        assert swapped[key, None].value == pytest.approx(0.5, abs=0.1), key
    # uniform noise is in values: which of a series' are there stays, and tells of the severe (hence the table alone)
    assert uniform["survival", "table"].value == pytest.approx(0.5, abs=0.1)


def test_survival_says_what_it_lacks(prepared, monkeypatch):
    copy = control(prepared, timed, "copy")
    with pytest.raises(NotApplicable, match="no time to an event"):
        measured(prepared, scored, control(prepared, scored, "copy"), Survival())
    nobody = replace(copy, condition=np.column_stack([np.zeros(len(copy)), copy.target]))
    pytest.importorskip("sksurv")
    with pytest.raises(NotApplicable, match="0 events to learn from; 10 are needed"):
        measured(prepared, timed, nobody, Survival(resamples=50))
    monkeypatch.setattr(survival, "_installed", lambda: "")
    with pytest.raises(NotApplicable, match=r"pip install 'fpmg-bench\[survival\]'"):
        measured(prepared, timed, copy, Survival())


def test_adding_a_copy_gains_what_adding_training_patients_again_does(prepared):
    found, _ = measured(prepared, scored, control(prepared, scored, "copy"), Augmentation(resamples=50))
    assert found["augmentation.r2", None].value == pytest.approx(found["augmentation.r2", None].floor, abs=1e-9)
    spoiled, _ = measured(prepared, scored, control(prepared, scored, "label-swap"), Augmentation(resamples=50))
    assert spoiled["augmentation.r2", None].high < 0.0


@pytest.mark.parametrize(
    ("labelled", "metric", "reason"),
    [
        (unlabelled, Tstr, "no label"),
        (unlabelled, Augmentation, "no label"),
        (unlabelled, Fairness, "no label"),
        (unlabelled, Balance, "no label"),
        (timed, Tstr, "the metric survival"),
        (timed, Augmentation, "the metric survival"),
        (scored, Fairness, "see tstr.r2"),
    ],
)
def test_classifiers_say_why_they_do_not_apply(prepared, labelled, metric, reason):
    with pytest.raises(NotApplicable, match=reason):
        measured(prepared, labelled, control(prepared, labelled, "copy"), metric())


def test_numbers_asked_for_are_read_back(prepared):
    copy, swapped = (
        measured(prepared, scored, control(prepared, scored, name), Balance(resamples=50))[0] for name in ("copy", "label-swap")
    )
    assert copy["balance.numbers", None].value > 0.6 and swapped["balance.numbers", None].value < 0.2


def test_a_stratum_is_no_secret_beside_its_number(prepared):
    names = {task: [c.name for c in columns_of(prepared[task][0].train).columns][-2:] for task in prepared}
    assert "score" in names[scored] and not any("cuts" in name for name in names[scored])
    assert names[timed] == ["died", "days"] and "no label" not in names[unlabelled]
