"""Who a release helps: a planted fault of one sex, small groups, and what is gained by adding released records to real ones."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics import subgroups
from fpmg_plugins.metrics.utility.augmentation import Augmentation, _evened
from fpmg_plugins.metrics.utility.fairness import Fairness

from fpmg_bench.controls import CONTROLS, concatenate
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=1200, silos=2, modalities=("table", "series"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


def release(prepared, control, strength=1.0):
    dataset, made, _ = prepared
    return CONTROLS[control](made.train, dataset, strength, rng_for(0, control))


def measured(prepared, cohort, metric):
    _, made, space = prepared
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: cohort})
    found = {(s.key, s.scope): s for s in metric(evidence, rng_for(0, "m")) if not s.scope.startswith("silo:")}
    return found, evidence.gaps


def noise_for_men(prepared):
    """The simulator for women; for men uniform noise under labels dealt anew, with the sex they had."""
    dataset, _, _ = prepared
    good = release(prepared, "oracle")
    noise = CONTROLS["label-swap"](CONTROLS["uniform"](good, dataset, 1.0, rng_for(0, "u")), dataset, 1.0, rng_for(0, "l"))
    noise.data["table"].frame["sex"] = good.data["table"].frame["sex"].to_numpy()
    men = subgroups.groups(good)["sex"]["M"]
    return concatenate([good, noise]).take(np.where(men, len(good), 0) + np.arange(len(good)))


def test_noise_for_one_sex_widens_the_gap_and_the_simulator_does_not(prepared):
    metric = Fairness(resamples=50)
    planted, good = (measured(prepared, cohort, metric)[0] for cohort in (noise_for_men(prepared), release(prepared, "oracle")))
    assert planted["fairness.excess", "all"].low > 0.1
    assert planted["fairness.auroc", "group:sex=M"].value < 0.7 < planted["fairness.auroc", "group:sex=F"].value
    assert planted["fairness", "all"].value <= planted["fairness.auroc", "group:sex=M"].value
    assert good["fairness.excess", "all"].low <= 0.0


def test_a_copy_has_the_gaps_of_real_patients(prepared):
    found, _ = measured(prepared, release(prepared, "copy"), Fairness(resamples=20))
    assert found["fairness.excess", "all"].value == pytest.approx(0.0, abs=1e-9)


def test_a_release_without_one_sex_is_unfair_to_it(prepared):
    good = release(prepared, "oracle")
    women = good.take(np.flatnonzero(subgroups.groups(good)["sex"]["F"]))
    found, _ = measured(prepared, women, Fairness(resamples=20))
    assert found["fairness.auroc", "group:sex=M"].value == 0.5
    assert found["fairness.excess", "all"].value > 0.2


def test_small_groups_are_hidden_and_told(prepared):
    found, gaps = measured(prepared, release(prepared, "copy"), Fairness(resamples=20))
    hidden = {gap.scope for gap in gaps if gap.key == "fairness.auroc"}
    assert "group:age=0-17" in hidden
    assert not hidden & {scope for _, scope in found}


def test_without_sex_age_and_silos_nothing_is_said():
    dataset = Phantom(patients=300, silos=1, modalities=("series",))
    made = split(dataset.load(), 0)
    with pytest.raises(NotApplicable, match="no attribute"):
        measured((dataset, made, EvaluationSpace.fit(made.train, 0)), made.train, Fairness(resamples=20))


def test_a_release_that_learnt_from_one_hospital_serves_the_other_worse(prepared):
    """Site A's signs are turned round at site B: who is taught by the one is misled at the other."""
    dataset, made, _ = prepared
    turned = replace(
        made,
        held_out=turned_at(made.held_out, 1),
        r1=turned_at(made.r1, 1),
        r2=turned_at(made.r2, 1),
        train=turned_at(made.train, 1),
    )
    there = (dataset, turned, EvaluationSpace.fit(turned.train, 0))
    found, _ = measured(there, turned.train.take(np.flatnonzero(turned.train.silo == 0)), Fairness(resamples=20))
    first, second = (found["fairness.auroc", f"group:silo={name}"] for name in made.train.silo_names)
    assert first.value - second.value > 0.2
    assert found["fairness.gap", "attribute:silo"].value == pytest.approx(first.value - second.value, abs=1e-6)
    assert found["fairness", "all"].value <= second.value


def turned_at(cohort, silo):
    """The cohort with its labels moved on by one class at a silo."""
    condition = cohort.condition.copy()
    there = cohort.silo == silo
    condition[there, 0] = (condition[there, 0] + 1) % len(cohort.classes)
    return replace(cohort, condition=condition)


def test_the_training_patients_themselves_add_their_floor_and_wrong_labels_take_away(prepared):
    metric = Augmentation(resamples=50)
    same, wrong = (measured(prepared, release(prepared, control), metric)[0] for control in ("copy", "label-swap"))
    assert same["augmentation", "all"].value == pytest.approx(same["augmentation", "all"].floor, abs=1e-9)
    assert wrong["augmentation", "all"].value < same["augmentation", "all"].value
    assert wrong["augmentation", "all"].value < 0
    assert {scope for key, scope in same if key == "augmentation.recall"} == {f"class:{c}" for c in prepared[1].train.classes}


def test_more_patients_help_a_class_that_was_scarce(prepared):
    """Seven of eight training patients of every class but the first are taken away; the simulator gives them back."""
    dataset, made, _ = prepared
    few = made.train.take(np.flatnonzero((made.train.label == 0) | (np.arange(len(made.train)) % 8 == 0)))
    fresh = release(prepared, "oracle")
    scarce = (dataset, replace(made, train=few), EvaluationSpace.fit(few, 0))
    found, _ = measured(scarce, fresh, Augmentation(resamples=50))
    gains = [s.value for (key, scope), s in found.items() if key == "augmentation.recall" and scope != f"class:{few.classes[0]}"]
    assert np.mean(gains) > 0.05


def test_an_even_sample_stands_beside_the_training_patients_made_even(prepared):
    """The sample is T's own records, rare ones repeated: its gain is its floor. Without one nothing is said of it."""
    _, made, space = prepared
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    sample = _evened(made.train, 400)
    assert np.bincount(sample.label).tolist() == [200, 200]
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: made.train}, balanced={0: sample})
    found = {(s.key, s.scope): s for s in Augmentation(resamples=20, even=True)(evidence, rng_for(0, "m"))}
    scopes = {"all"} | {f"class:{c}" for c in made.train.classes}
    assert {scope for key, scope in found if key in ("augmentation.even", "augmentation.even.auprc")} >= scopes
    even = [s for (key, scope), s in found.items() if key.startswith("augmentation.even") and not scope.startswith("silo:")]
    assert [s.value for s in even] == pytest.approx([s.floor for s in even])
    _, gaps = measured(prepared, made.train, Augmentation(resamples=20, even=True))
    assert [gap.key for gap in gaps] == ["augmentation.even"]
