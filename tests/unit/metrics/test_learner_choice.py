"""Utility's learner: the best on folds of training patients, whatever lies in H; detail where phi is blind."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics import detail, learner_choice, utility_models
from fpmg_plugins.metrics.frozen_features import Network
from fpmg_plugins.metrics.ranking import macro_auroc
from fpmg_plugins.metrics.utility.tstr import Tstr

from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.types import Cohort, Column, Pixels, Schema, Series

STEPS = 24


def course(label, rng):
    """Series whose label lies in the order within every three steps: no mean over a stretch of phi knows it."""
    n = len(label)
    pattern = np.where(label[:, None] == 1, np.tile([1.0, -1.0, 0.0], STEPS // 3), np.tile([-1.0, 1.0, 0.0], STEPS // 3))
    values = (pattern + rng.normal(size=(n, STEPS)))[..., None].astype(np.float32)
    seen = rng.random(values.shape) < 0.9
    time = np.tile(np.arange(STEPS, dtype=np.float32), (n, 1))
    return Series(time, np.where(seen, values, 0), seen)


def picture(label, rng):
    """A weave of single pixels, or none: a mean over 2 x 2 of them sees grey."""
    weave = np.indices((32, 32)).sum(0) % 2 * 2 - 1
    array = 128 + 40 * label[:, None, None] * weave + rng.normal(0, 25, (len(label), 32, 32))
    return Pixels.of(np.clip(array, 0, 255).astype(np.uint8)[:, None])


def cohort(kind, n=900, seed=0):
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    schema = Schema("series", (Column("rate", "number"),), (STEPS,)) if kind == "series" else Schema("image", (), (1, 32, 32))
    return Cohort(
        {kind: schema}, {kind: (course if kind == "series" else picture)(label, rng)}, {kind: np.ones(n, bool)},
        (Column("ill", "flag"),), label[:, None].astype(float), np.arange(n), np.zeros(n, np.int64), ("a",),
    )  # fmt: skip


def evidence(made, released, **changed):
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")} | changed
    return Measured(**parts, third=None, space=EvaluationSpace.fit(made.train, 0), silo_names=("a",), released={0: released})


@pytest.mark.parametrize("kind", ["series", "image"])
def test_what_phi_cannot_see_is_chosen_by_detail_and_taught_by_a_release(kind, monkeypatch):
    monkeypatch.setattr(detail, "NETWORK", Network("resnet10t", "", side=32))  # a random network needs no file
    made, fresh = split(cohort(kind), 0), cohort(kind, 500, seed=1)
    seen = evidence(made, fresh)
    found = {(s.key, s.scope): s.value for s in Tstr(resamples=20)(seen, rng_for(0, "m"))}
    assert learner_choice.chosen(seen, (kind,)).learner == "detail"
    assert found["tstr.folds", "all"] == found["tstr.folds", "learner:detail"] > found["tstr.folds", "learner:trees"] + 0.1
    assert found["tstr", "all"] > max(found["tstr.logistic", "all"], found["tstr.trees", "all"]) + 0.1
    assert found["tstr.trtr", "all"] > 0.8 and found["tstr.trts", "all"] > 0.8


@pytest.fixture(scope="module")
def phantom():
    return split(Phantom(patients=600, silos=2, modalities=("table", "series")).load(), 0)


def test_held_out_patients_and_releases_play_no_part_in_the_choice(phantom):
    noise = replace(phantom.held_out, condition=np.roll(phantom.held_out.condition, 7, 0))
    seen = [evidence(phantom, phantom.train), evidence(phantom, phantom.r1, held_out=noise)]
    one, two = (learner_choice.chosen(each, ("table", "series")) for each in seen)
    assert one == two and set(one.areas) == {"logistic", "trees", "detail"}
    assert one.areas[one.learner] == max(one.areas.values())


def test_it_is_chosen_once_for_all_releases(phantom, monkeypatch):
    seen = evidence(phantom, phantom.train)
    before = learner_choice.chosen(seen, ("table",))
    monkeypatch.setattr(learner_choice, "_area", None)
    later = seen.next_release({0: phantom.r1})
    assert learner_choice.chosen(later, ("table",)) is before


def test_a_missing_network_is_told_and_the_others_compete(monkeypatch):
    monkeypatch.setattr(detail, "NETWORK", Network("lcnet_035", "no-such-weights", side=32))
    made = split(cohort("image", 300), 0)
    seen = evidence(made, made.train)
    found = Tstr(resamples=20)(seen, rng_for(0, "m"))
    assert {s.scope for s in found if s.key == "tstr.folds"} == {"all", "learner:logistic", "learner:trees"}
    (gap,) = [gap for gap in seen.gaps if gap.scope == "learner:detail"]
    assert "no-such-weights" in gap.reason and gap.modality == "image"


def test_folds_that_lack_a_class_leave_the_first_candidate(phantom):
    few = np.r_[np.flatnonzero(phantom.train.label == 0)[:20], np.flatnonzero(phantom.train.label == 1)[:1]]
    seen = evidence(replace(phantom, train=phantom.train.take(few)), phantom.r1)
    found = learner_choice.chosen(seen, ("table",))
    assert found.learner == "logistic" and found.areas == {}


def test_a_grid_keeps_what_was_not_seen_apart_from_zero():
    series = Series(
        np.array([[0, 1, 2, 3]], np.float32), np.array([[[5], [0], [0], [7]]], np.float32), np.array([[[1], [0], [0], [1]]], bool)
    )
    assert detail.grid(series, 0.0, 3.0).tolist()[0] == pytest.approx([5, np.nan, np.nan, 7], nan_ok=True)


def test_a_cell_that_no_released_series_shows_is_no_failure(phantom):
    lost = phantom.r1.data["series"]
    seen = lost.seen.copy()
    seen[:, :, 0] = False
    released = replace(phantom.r1, data=phantom.r1.data | {"series": Series(lost.time, lost.values * seen, seen)})
    there = evidence(phantom, released)
    (model,) = utility_models.models_of(there, released, ("table", "series"), ("detail",))
    found = utility_models.tested(there, [model], ("table", "series"), 20, 0, "detail")
    assert found.mean(macro_auroc)[0] > 0.6
