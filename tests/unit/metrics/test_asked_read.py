"""Asked against read: known answers, the simulator itself, conditions dealt anew, and what must not be read."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.balance.asked_read import AskedRead
from fpmg_plugins.metrics.balance.reader import Asked, Reading, judged, readable
from fpmg_plugins.metrics.frozen_features import Network

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.strata import label_of
from fpmg_bench.types import Column

SCORE = Asked(1, "score", 0.0, 12.0, False)
SEVERITY = "condition:severity"


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=500, silos=2, modalities=("table", "series"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


@pytest.fixture(scope="module")
def oracle(prepared):
    return CONTROLS["oracle"](prepared[1].train, prepared[0], 1.0, rng_for(0, "oracle"))


def evidence(prepared, cohort, **more):
    _, made, space = prepared
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    return Measured(**parts, third=None, space=space, silo_names=("a",), released={0: cohort}, **more)


def measured(seen, **params):
    found = AskedRead(resamples=40, sides=(), **params)(seen, rng_for(0, "m"))
    return {(s.key, s.scope, s.modality): s for s in found}


@pytest.fixture(scope="module")
def good(prepared, oracle):
    seen = evidence(prepared, oracle, even=lambda size: {0: oracle.take(np.arange(size))})
    return measured(seen, even=150), seen.gaps


def test_half_of_what_was_asked_is_a_slope_of_one_half_and_the_middle_sixths_are_right():
    asked = np.repeat(np.arange(1.0, 12.0, 2.0), 5)  # the middle of every sixth
    found = judged(SCORE, Reading(np.arange(30), asked, 6 + (asked - 6) / 2), np.ones((1, 30)))
    assert found["correlation"][0] == pytest.approx(1.0)
    assert found["slope"][0] == pytest.approx(0.5)
    assert found["score 0 to 2"][0] == pytest.approx(2.5 / 12)
    assert found["score 10 to 12"][0] == pytest.approx(-2.5 / 12)
    assert found["calibration"][0] == pytest.approx((2.5 + 1.5 + 0.5) / 3 / 12) == found["error"][0]


def test_weights_are_records_counted_so_often():
    rng = np.random.default_rng(0)
    asked, said = rng.uniform(0, 12, 40), rng.uniform(0, 12, 40)
    times = rng.integers(0, 4, 40)
    weighted = judged(SCORE, Reading(np.arange(40), asked, said), times[None].astype(float))
    again = np.repeat(np.arange(40), times)
    assert weighted["correlation"][0] == pytest.approx(np.corrcoef(asked[again], said[again])[0, 1])
    assert weighted["slope"][0] == pytest.approx(np.polyfit(asked[again], said[again], 1)[0])


def test_a_sixth_of_fewer_than_five_records_is_not_shown():
    asked = np.array([1.0] * 20 + [11.0] * 4)
    assert "score 10 to 12" not in judged(SCORE, Reading(np.arange(24), asked, asked), np.ones((1, 24)))


def test_the_simulator_itself_is_read_as_held_out_patients_are(good):
    found, _ = good
    here, reader = found["asked-read", SEVERITY, None], found["asked-read.reader", SEVERITY, None]
    assert here.floor == reader.value > 0.5
    assert abs(here.value - here.floor) < 0.12
    assert found["asked-read.calibration", SEVERITY, None].value == pytest.approx(
        found["asked-read.calibration", SEVERITY, None].floor, abs=0.05
    )


def test_conditions_dealt_anew_are_not_read(prepared, good):
    swapped = CONTROLS["label-swap"](prepared[1].train, prepared[0], 1.0, rng_for(0, "swap"))
    found = measured(evidence(prepared, swapped))["asked-read", SEVERITY, None]
    assert abs(found.value) < 0.2
    assert found.high < good[0]["asked-read", SEVERITY, None].low


def test_every_flag_and_number_is_read_and_the_headline_is_their_mean(good):
    found, _ = good
    each = [
        s.value
        for (key, scope, modality), s in found.items()
        if key == "asked-read" and modality is None and scope[:9] == "condition"
    ]
    assert len(each) >= 2
    assert found["asked-read", "all", None].value == pytest.approx(np.mean(each))


def test_an_even_sample_is_as_large_as_wished_and_what_has_no_encoders_is_said(good):
    found, gaps = good
    assert found["asked-read.even", SEVERITY, None].n == 150
    assert ("asked-read.even.gain", SEVERITY, None) in found
    assert ("asked-read.decoded", None) in {(gap.key, gap.modality) for gap in gaps}


def test_shuffled_pairs_are_each_read_as_before_and_agree_no_more(prepared, oracle, good):
    kept = oracle.data["series"].take(np.random.default_rng(0).permutation(len(oracle)))
    found = measured(evidence(prepared, replace(oracle, data={**oracle.data, "series": kept})))
    before, after = (of["asked-read.agree", SEVERITY, "table+series"] for of in (good[0], found))
    assert before.value == pytest.approx(before.floor, abs=0.15) and before.value > 0.3
    assert after.high < before.low
    assert found["asked-read", SEVERITY, "table"] == good[0]["asked-read", SEVERITY, "table"]


def test_training_patients_twice_gain_what_the_floor_says(prepared):
    found = measured(evidence(prepared, prepared[1].train))["asked-read.gain", SEVERITY, None]
    assert found.value == pytest.approx(0.0, abs=1e-6) == found.floor


def test_a_table_that_holds_the_condition_is_not_read_for_it(prepared, oracle):
    def held(cohort):
        schema = replace(
            cohort.schemas["table"], columns=(*cohort.schemas["table"].columns[:-1], Column("severity", "number", low=0, high=1))
        )
        frame = cohort.data["table"].frame.set_axis([column.name for column in schema.columns], axis=1)
        return replace(
            cohort,
            schemas={**cohort.schemas, "table": schema},
            data={**cohort.data, "table": replace(cohort.data["table"], frame=frame)},
        )

    _, made, _ = prepared
    parts = {part: held(getattr(made, part)) for part in ("train", "r1", "r2", "held_out")}
    seen = Measured(
        **parts, third=None, space=EvaluationSpace.fit(parts["train"], 0), silo_names=("a",), released={0: held(oracle)}
    )
    found = measured(seen)
    assert ("asked-read", SEVERITY, "table") not in found and ("asked-read", SEVERITY, "series") in found
    assert ("asked-read", SEVERITY, "table") in {(gap.key, gap.scope, gap.modality) for gap in seen.gaps}


def test_strata_of_a_number_are_not_read_beside_it_and_a_label_of_two_classes_is(prepared):
    train = prepared[1].train
    number = Column("age", "number", low=0.0, high=100.0)
    by_number = replace(train, conditions=(label_of(number, (50.0,)), number), condition=train.condition[:, :2])
    assert [what.name for what in readable(by_number)] == ["age"]
    two = replace(train, conditions=(Column("ill", "category", ("no", "yes")),), condition=train.condition[:, :1])
    assert [(what.name, what.flag) for what in readable(two)] == [("ill", True)]


def test_without_the_network_images_are_read_as_phi_has_them_and_it_is_said(monkeypatch):
    def missing(*_):
        raise NotApplicable("not here")

    monkeypatch.setattr(Network, "seen", missing)
    dataset = Phantom(patients=160, silos=2, modalities=("image",), image_size=16)
    made = split(dataset.load(), 0)
    seen = evidence((dataset, made, EvaluationSpace.fit(made.train, 0)), made.r1)
    found = {s.key for s in AskedRead(resamples=20)(seen, rng_for(0, "m"))}
    assert "asked-read" in found
    assert ("asked-read.reader", "image") in {(gap.key, gap.modality) for gap in seen.gaps}
