"""Controls behind encoders: the method's own stage 1, encoded records for drawn vectors, a control in every table."""

import json

import numpy as np
import pytest

from fpmg_bench.store import RunDir

SUITE = """
version: 1
name: planted
seeds: [0]
datasets: [{name: phantom, patients: 300, silos: 2, modalities: [table, image], image_size: 16}]
partition: natural
budget: {rounds: 1, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 1, evaluate_every: null, stop: null}
methods:
  copula:
    encoders: {table: pca, image: pca}
    generator: gaussian-copula
    topology: star
    aggregator: fedavg
    silos: {phantom/site-1: {local_steps: 3}}
  planted: {extends: copula, generator: null, control: oracle}
  collapsed: {extends: copula, generator: null, control: collapse}
  decoded: {extends: copula, generator: null}
  bare: {control: collapse}
metrics: [latent, c2st, rg, {name: asked-read, sides: [], even: 60, resamples: 20}]
"""


@pytest.fixture(scope="module")
def run(run_here):
    return run_here(SUITE)


@pytest.fixture(scope="module")
def trials(run):
    return {trial["method"]: trial for trial in (json.loads(path.read_text()) for path in run.glob("trials/*/trial.json"))}


def score(trial, key, modality=None):
    rows = [s for s in trial["scores"] if (s["key"], s["scope"], s["modality"]) == (key, "all", modality)]
    return rows[0] if rows else next(s for s in trial["scores"] if s["key"] == key.partition(".")[0])


def test_they_share_stage_1_with_the_method_and_have_keys_of_their_own(run):
    planned = {trial.spec.method: trial for trial in RunDir(run).trials()}
    assert planned["planted"].stage1 == planned["collapsed"].stage1 == planned["copula"].stage1 is not None
    assert planned["bare"].stage1 is None
    assert len({trial.key for trial in planned.values()}) == 5


def test_they_are_controls_and_what_is_not_drawn_is_not_applicable(trials):
    assert {name: trial["role"] for name, trial in trials.items()} == {
        "copula": "method", "planted": "control", "collapsed": "control", "decoded": "decoded", "bare": "control",
    }  # fmt: skip
    for name, key in (("decoded", "latent"), ("bare", "latent"), ("bare", "c2st.generator")):
        found = score(trials[name], key)
        assert found["status"] == "not_applicable" and found["reason"], (name, key)
    assert score(trials["decoded"], "c2st.generator")["status"] == "ok"


def test_the_planted_generator_is_perfect_and_the_collapsed_one_is_not(trials):
    good, bad = (score(trials[name], "latent.energy") for name in ("planted", "collapsed"))
    assert good["value"] == pytest.approx(good["floor"], abs=0.05) and bad["value"] > good["value"] + 0.1
    assert score(trials["collapsed"], "latent.coverage")["value"] < score(trials["planted"], "latent.coverage")["value"] - 0.2
    assert score(trials["planted"], "c2st")["value"] > score(trials["planted"], "c2st.generator")["value"] + 0.1


def test_floors_are_those_of_the_encoders(trials):
    floors = {score(trials[name], "latent.energy")["floor"] for name in ("copula", "planted", "collapsed")}
    assert len(floors) == 1 and np.isfinite(floors.pop())


def test_their_records_are_kept_where_a_controls_may_be(run, trials):
    kept = {path.parent.parent.name for path in run.glob("trials/*/synthetic/*")}
    assert trials["planted"]["key"] in kept and trials["bare"]["key"] in kept


def test_an_even_sample_of_any_size_is_drawn_by_generators_alone(trials):
    found = score(trials["copula"], "asked-read.even")
    assert (found["status"], found["n"]) == ("ok", 60)
    for name in ("planted", "decoded", "bare"):
        (found,) = [s for s in trials[name]["scores"] if (s["key"], s["modality"]) == ("asked-read.even", None)]
        assert found["status"] == "not_applicable" and "no generator" in found["reason"]
    assert score(trials["planted"], "asked-read.decoded")["status"] == "ok"
    assert score(trials["bare"], "asked-read.decoded")["status"] == "not_applicable"
