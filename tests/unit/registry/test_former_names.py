"""A component that was renamed is found under its former name, which a warning says, and its scores bear the name of today."""

import json

import pytest
from fpmg_plugins.metrics.privacy import density_ratio

from fpmg_bench.errors import UnknownComponent
from fpmg_bench.registry import Registry

SUITE = """
version: 1
name: former
seeds: [0]
datasets: [{name: phantom, patients: 200, silos: 2, modalities: [table]}]
partition: natural
methods: {copy: {control: copy}}
metrics: [rmia]
"""


def test_a_former_name_leads_to_the_component_with_a_warning():
    registry = Registry.discover()
    with pytest.warns(FutureWarning, match="metric 'rmia' is now 'density-ratio'"):
        assert registry.find("metric", "rmia") is registry.find("metric", "density-ratio")
    with pytest.raises(UnknownComponent):
        registry.find("generator", "rmia")
    assert "rmia" not in {entry.name for entry in registry.entries("metric")}


def test_a_suite_that_writes_it_gets_scores_under_the_new_name(run_here):
    with pytest.warns(FutureWarning, match="is now 'density-ratio'"):
        out = run_here(SUITE)
    trial = json.loads(next(out.glob("trials/*/trial.json")).read_text())
    assert {s["key"].partition(".")[0] for s in trial["scores"]} == {"density-ratio"}
    assert trial["scores"][0]["value"] > 0.95


def test_the_class_is_found_under_its_old_name_too():
    with pytest.warns(FutureWarning, match="Rmia is now"):
        assert density_ratio.Rmia is density_ratio.DensityRatio
    with pytest.raises(AttributeError, match="no attribute 'Rmib'"):
        _ = density_ratio.Rmib
