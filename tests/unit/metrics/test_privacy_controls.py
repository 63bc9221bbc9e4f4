"""Attribute inference, singling out, linkability, RMIA and the proxies: a copy is caught, fresh patients are not."""

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.privacy.density_ratio import DensityRatio
from fpmg_plugins.metrics.privacy.inference.inference import Inference
from fpmg_plugins.metrics.privacy.proxies import Proxies

from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import metrics as made_up

METRICS = (Inference, Proxies, DensityRatio)


@pytest.fixture(scope="module")
def prepared():
    dataset = Phantom(patients=3000, silos=4, modalities=("table", "series"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


def measured(prepared, control, strength=1.0):
    dataset, made, space = prepared
    parts = {name: getattr(made, name) for name in ("train", "r1", "r2", "held_out", "third")}
    release = CONTROLS[control](made.train, dataset, strength, rng_for(0, control))
    evidence = Measured(**parts, space=space, silo_names=made.train.silo_names, released={0: release}, publishable=True)
    return {s.key: s for metric in METRICS for s in metric()(evidence, rng_for(0, "m")) if s.scope == "all"}


@pytest.fixture(scope="module")
def copy(prepared):
    return measured(prepared, "copy")


@pytest.fixture(scope="module")
def fresh(prepared):
    return measured(prepared, "oracle")


def test_a_copy_gives_away_every_secret_and_links_every_patient(copy):
    for key in ("inference.attribute", "inference.attribute.worst", "inference.attribute.rate", "inference.linkability"):
        assert copy[key].value > 0.98, key
    assert copy["inference.attribute.naive"].value < 0.5
    assert copy["inference.attribute.gain"].low > 0.2


def test_a_copy_singles_out_as_many_as_are_looked_for_among(copy):
    """A predicate of a copied record can only isolate it among the patients that are drawn to be as many as the unseen ones."""
    assert copy["inference.singling_out"].low > 0.4
    assert copy["inference.singling_out.column"].low > 0.4
    assert copy["inference.singling_out.rate"].value > copy["inference.singling_out.naive"].value + 0.25


def test_fresh_patients_give_nobody_away(fresh):
    for key in ("inference.attribute", "inference.singling_out", "inference.singling_out.column", "inference.linkability"):
        assert abs(fresh[key].value) < 0.06, key
    assert abs(fresh["inference.attribute.worst"].value) < 0.12
    assert abs(fresh["inference.attribute.gain"].value) < 0.05


def test_risk_rises_with_the_share_that_is_copied(prepared, fresh, copy):
    half = measured(prepared, "copy", 0.5)
    for key in ("inference.attribute", "inference.linkability", "density-ratio", "proxies.share"):
        assert fresh[key].value + 0.1 < half[key].value < copy[key].value - 0.1, key


def test_density_ratio_catches_a_copy_alone(copy, fresh):
    assert copy["density-ratio"].value >= 0.95
    assert fresh["density-ratio"].value == pytest.approx(0.5, abs=0.04)  # 900 members
    assert fresh["density-ratio"].floor == pytest.approx(0.5, abs=0.06)
    assert "density-ratio.tpr" not in fresh  # fewer than 1,000 non-members in each half


def test_proxies_say_what_they_always_say(copy, fresh):
    assert copy["proxies.share"].value == pytest.approx(1.0)
    assert copy["proxies.dcr"].value == pytest.approx(0.0)
    assert copy["proxies.nndr"].value == pytest.approx(0.0)
    assert fresh["proxies.share"].value == pytest.approx(0.5, abs=0.03)
    assert fresh["proxies.dcr"].value == pytest.approx(1.0, abs=0.05)
    assert fresh["proxies.nndr"].value == pytest.approx(fresh["proxies.nndr"].floor, abs=0.05)


def made_up_evidence(alter=None):
    return made_up.evidence(made_up.good(), alter=alter)


def test_a_cohort_without_a_table_has_linkability_at_most():
    evidence = made_up_evidence(lambda cohort: cohort.only(("text",)))
    with pytest.raises(made_up.NotApplicable, match="none of the three attacks"):
        Inference()(evidence, rng_for(0, "m"))
    assert {"inference.attribute", "inference.singling_out", "inference.linkability"} <= {gap.key for gap in evidence.gaps}


def test_too_few_patients_are_said_so():
    evidence = made_up_evidence(lambda cohort: cohort.take(np.arange(12)))
    with pytest.raises(made_up.NotApplicable):
        Inference()(evidence, rng_for(0, "m"))
    assert any("20" in gap.reason for gap in evidence.gaps if gap.key == "inference.attribute")


def test_density_ratio_without_a_third_set_takes_r2_for_the_population_and_r1_for_the_others():
    evidence = made_up_evidence()
    evidence.third = None
    found = {s.key: s for s in DensityRatio()(evidence, rng_for(0, "m")) if s.scope == "all"}
    assert found["density-ratio"].n == 90  # of R1 alone
    assert found["density-ratio"].floor is None
