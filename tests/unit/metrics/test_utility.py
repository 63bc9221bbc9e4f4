"""Utility under its controls, by class, and without the modalities that contain the label."""

from dataclasses import replace

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics import learners, utility_models
from fpmg_plugins.metrics.utility.tstr import Tstr

from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=1500, silos=3, modalities=("table", "series"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


def release(prepared, control, strength=1.0):
    dataset, made, _ = prepared
    return CONTROLS[control](made.train, dataset, strength, rng_for(0, control))


def measured(prepared, cohort, leaks=frozenset()):
    _, made, space = prepared
    parts = {part: replace(getattr(made, part), leaks=leaks) for part in ("train", "r1", "r2", "held_out")}
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: cohort})
    found = Tstr(resamples=50)(evidence, rng_for(0, "m"))
    return {(s.key, s.scope, s.modality): s for s in found if not s.scope.startswith("silo:")}, evidence.gaps


def test_a_copy_is_worth_exactly_the_training_patients(prepared):
    found, _ = measured(prepared, release(prepared, "copy"))
    for (key, _, _), score in found.items():
        if key not in ("tstr.trts", "tstr.trtr", "tstr.folds"):
            assert score.value == pytest.approx(score.floor, abs=1e-9), key


def test_swapped_labels_lower_utility_step_by_step(prepared):
    found = [measured(prepared, release(prepared, "label-swap", s))[0]["tstr", "all", None].value for s in (0.0, 0.5, 0.8, 1.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-1] > 0.2


def test_the_simulator_itself_is_worth_the_training_patients(prepared):
    gap = measured(prepared, release(prepared, "oracle"))[0]["tstr.gap", "all", None]
    assert gap.value == pytest.approx(0.0, abs=0.05)


def test_a_leaking_modality_is_reported_and_never_enters_the_headline(prepared):
    """The leak is turned to noise in the release: what depends on it moves, the headline stays to the last bit."""
    good, leaks = release(prepared, "copy"), frozenset({"table"})
    order = np.random.default_rng(0).permutation(len(good))
    noisy = replace(good, data=dict(good.data) | {"table": good.data["table"].take(order)})
    before, after = (measured(prepared, cohort, leaks)[0] for cohort in (good, noisy))
    fair = [where for where in before if where[2] is None and where[0] != "tstr.with_leaks"]
    assert {"tstr", "tstr.gap", "tstr.trtr", "tstr.trts", "tstr.brier"} <= {key for key, _, _ in fair}
    assert all(after[where].value == before[where].value for where in fair)
    for where in (("tstr.with_leaks", "all", None), ("tstr", "all", "table")):
        assert after[where].value < before[where].value - 0.02


def test_where_everything_leaks_there_is_no_headline(prepared):
    found, gaps = measured(prepared, release(prepared, "copy"), frozenset({"table", "series"}))
    assert ("tstr", "all", None) not in found
    assert any("contains the label by construction" in gap.reason for gap in gaps)


def test_two_classes_share_the_headline_and_differ_in_precision_and_recall(prepared):
    found, _ = measured(prepared, release(prepared, "copy"))
    by_class = {(key, scope) for key, scope, _ in found if scope.startswith("class:")}
    assert by_class == {(k, f"class:{c}") for k in ("tstr.auprc", "tstr.recall") for c in ("healthy", "pneumonia")}
    assert found["tstr.auprc", "class:pneumonia", None].value == pytest.approx(found["tstr.auprc", "all", None].value)
    recalls = [found["tstr.recall", f"class:{c}", None].value for c in ("healthy", "pneumonia")]
    assert np.mean(recalls) == pytest.approx(found["tstr.balanced_accuracy", "all", None].value)


def test_metrics_share_the_classifiers_of_a_release_and_none_of_another(prepared, monkeypatch):
    fitted = []
    monkeypatch.setattr(
        utility_models, "fit", lambda kind, x, label: fitted.append((kind, len(x))) or learners.fit(kind, x, label)
    )
    _, made, space = prepared
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    cohort = release(prepared, "oracle")
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: cohort})
    names = utility_models.joint(evidence)
    one, two = (utility_models.models_of(evidence, cohort, names, ("logistic",))[0] for _ in range(2))
    assert one is two and fitted == [("logistic", len(cohort))]
    part = cohort.take(np.arange(100))
    assert utility_models.models_of(evidence, part, names, ("logistic",))[0] is not one
    utility_models.real_model(evidence, names, "logistic")
    later = evidence.next_release({0: release(prepared, "oracle")})
    assert utility_models.models_of(later, later.released[0], names, ("logistic",))[0] is not one
    utility_models.real_model(later, names, "logistic")
    assert [n for _, n in fitted] == [len(cohort), 100, len(made.train), len(later.released[0])]  # real patients' once
