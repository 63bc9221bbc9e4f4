"""`rounds: 0`: a learned generator as it starts, from exchanged statistics alone; nothing is trained, and no weights travel."""

import json

import pytest

SUITE = """
version: 1
name: untrained
seeds: [0]
datasets: [{name: phantom, patients: 300, silos: 2, modalities: [table]}]
partition: natural
budget: {rounds: 0, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 0}
methods:
  start:
    encoders: {table: {name: frozen, dim: 8}}
    generator: {name: parallel-cgan, hidden: 16, watch: false}
    topology: ring
    aggregator: fedavg
  trained: {extends: start, budget: {rounds: 2}}
  private: {extends: start, privacy: {epsilon: 8, delta: 1.0e-5}}
metrics: [rg, fc]
"""


@pytest.fixture(scope="module")
def trials(run_here):
    files = run_here(SUITE).glob("trials/*/trial.json")
    return {found["method"]: found for found in (json.loads(file.read_text()) for file in files)}


def test_statistics_travel_and_weights_do_not(trials):
    start, trained = trials["start"]["bytes"]["stage2"], trials["trained"]["bytes"]["stage2"]
    assert start["statistics"] == trained["statistics"] > 0
    assert not start["rounds"] and min(trained["rounds"]) > 0


def test_both_silos_release_the_same_and_nothing_was_merged(trials):
    scores = {s["key"]: s for s in trials["start"]["scores"] if s["scope"] == "all" and s["modality"] is None}
    assert scores["fc"]["status"] == "not_applicable" and "no rounds" in scores["fc"]["reason"]
    by_silo = {s["scope"]: s["value"] for s in trials["start"]["scores"] if s["key"] == "rg" and s["scope"] != "all"}
    assert len(by_silo) == 2 and len(set(by_silo.values())) == 1
    assert scores["rg"]["value"] != next(s["value"] for s in trials["trained"]["scores"] if s["key"] == "rg")


def test_all_of_epsilon_goes_to_the_sums(trials):
    charged = trials["private"]["privacy"]
    assert 7.5 < charged["epsilon"] <= 8
    assert "step" not in {entry["mechanism"] for silo in charged["silos"] for entry in silo["entries"]}
