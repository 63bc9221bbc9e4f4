"""A label of cost: whom it passes over, and releases that keep it, mend it, or teach nothing."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.utility.label_choice import LabelChoice

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import DatasetError, NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, parted
from fpmg_bench.keys import rng_for


def world_of(**given):
    phantom = Phantom(patients=900, silos=2, held_out=1600, modalities=("table",), missing=0.0, **given)
    made = parted(phantom, 0)
    return phantom, made, EvaluationSpace.fit(made.train, 0)


@pytest.fixture(scope="module")
def biased():
    return world_of(proxy=1.0)


def measured(world, cohort, metric=None):
    _, made, space = world
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: cohort})
    found = (metric or LabelChoice(resamples=50))(evidence, rng_for(0, "m"))
    return {(s.key, s.scope): s for s in found if not s.scope.startswith("silo:")}


def test_women_as_ill_as_men_cost_less(biased):
    train = biased[1].train
    women = (train.data["table"].frame["sex"] == "female").to_numpy()
    assert [column.name for column in train.conditions] == ["label", "severity", "diabetes"]
    assert train.conditions[0].categories == ("cheap", "dear")
    severity = train.condition[:, 1]
    middle = (severity > 0.5) & (severity < 0.7)
    assert train.label[middle & ~women].mean() > 0.85
    assert train.label[middle & women].mean() < 0.35
    assert abs(severity[women].mean() - severity[~women].mean()) < 0.05


def test_asked_by_what_they_cost_patients_are_those_of_the_world(biased):
    phantom, labels = biased[0], np.array([0, 1] * 300)
    made = phantom.simulate(600, 3, labels)
    assert (made.label == labels).all() and len(np.unique(made.patient)) == 600
    whole = phantom.simulate(4000, 4)
    for c in (0, 1):
        assert made.condition[labels == c, 1].mean() == pytest.approx(whole.condition[whole.label == c, 1].mean(), abs=0.04)
    with pytest.raises(DatasetError, match="class indices below 2"):
        phantom.simulate(2, 0, [0, 2])


def test_a_label_of_cost_has_two_classes():
    with pytest.raises(DatasetError, match="two classes"):
        Phantom(proxy=1.0, classes=3, modalities=("table",)).load()


def test_the_simulator_keeps_the_bias_and_the_truth_has_next_to_none(biased):
    phantom, made, _ = biased
    found = measured(biased, CONTROLS["oracle"](made.train, phantom, 1.0, rng_for(0, "oracle")))
    assert found["label-choice.gap", "all"].floor > 0.2
    assert found["label-choice.excess", "all"].value == pytest.approx(0.0, abs=0.12)
    assert found["label-choice.gap", "control:truth"].value < 0.12
    assert found["label-choice.group", "group:sex=M"].value > found["label-choice.group", "group:sex=F"].value + 0.15
    assert found["label-choice.found", "control:truth"].value > found["label-choice.found", "all"].value


def test_a_release_labelled_by_illness_repairs_it_and_noise_finds_nobody(biased):
    train = biased[1].train
    condition = train.condition.copy()
    condition[:, 0] = condition[:, 1] > np.quantile(condition[:, 1], 0.75)
    mended = measured(biased, replace(train, condition=condition))
    assert mended["label-choice.excess", "all"].value < -0.15
    noise = condition.copy()
    noise[:, 0] = np.random.default_rng(0).permutation(train.label)
    nothing = measured(biased, replace(train, condition=noise))
    assert nothing["label-choice.found", "all"].value < 0.45 < mended["label-choice.found", "all"].value


def test_without_the_truth_there_is_nothing_to_say(biased):
    with pytest.raises(NotApplicable, match="charges"):
        measured(biased, biased[1].train, LabelChoice(truth="charges"))
