"""RG and DG as a frozen network sees pictures: faults seen, real patients near 1, a missing network told."""

import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.fidelity.frozen_space import FrozenSpace
from fpmg_plugins.metrics.utility.tstr import Tstr

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for

SMALL = {"backbone": "lcnet_035", "weights": "", "side": 32, "resamples": 20}  # a random network needs no file


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=400, silos=2, modalities=("table", "image"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


def measured(prepared, control, metric):
    dataset, made, space = prepared
    release = CONTROLS[control](made.train, dataset, 1.0, rng_for(0, control))
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out")}
    evidence = Measured(**parts, third=None, space=space, silo_names=("a",), released={0: release})
    return {(s.key, s.modality): s for s in metric(evidence, rng_for(0, "m")) if s.scope == "all"}


def test_a_copy_scores_its_floor_and_noise_does_not(prepared):
    metric = FrozenSpace(**SMALL)
    same, noise = (measured(prepared, control, metric) for control in ("copy", "uniform"))
    for where, score in same.items():
        assert score.value == pytest.approx(score.floor, rel=1e-6), where
    assert set(same) == {("frozen-space", None), ("frozen-space", "image"), ("frozen-space.dg", None)}
    assert noise["frozen-space", "image"].value > same["frozen-space", "image"].high


def test_a_network_that_is_not_here_is_told_with_the_way_to_get_it(prepared):
    with pytest.raises(NotApplicable, match="no-such-weights"):
        measured(prepared, "copy", FrozenSpace(backbone="lcnet_035", weights="no-such-weights"))


def test_a_cohort_without_pictures_has_no_second_opinion():
    dataset = Phantom(patients=120, silos=2, modalities=("table",))
    made = split(dataset.load(), 0)
    with pytest.raises(NotApplicable, match="no modality of this cohort"):
        measured((dataset, made, EvaluationSpace.fit(made.train, 0)), "copy", FrozenSpace(**SMALL))


def test_what_it_reads_enters_the_keys(tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"one")
    one = FrozenSpace(weights=str(weights)).fingerprint()
    weights.write_bytes(b"two")
    assert FrozenSpace(weights=str(weights)).fingerprint() != one != ""
    assert FrozenSpace(weights="no-such-weights").fingerprint() == ""
    assert hasattr(Tstr, "fingerprint")
