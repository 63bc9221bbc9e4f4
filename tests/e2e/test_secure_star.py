"""A trial under secure aggregation: the plain star's model, the bytes that `plan` foretold, and refusals with a way out."""

import json

import pytest
from safetensors.torch import load_file

SUITE = """version: 1
name: secure
seeds: [0]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
partition: natural
budget: {rounds: 2, local_steps: 2, sampling_rate: 0.3, encoder_rounds: 2}
methods:
  plain: {encoders: {table: autoencoder}, generator: parallel-cgan, topology: {name: star, sums: plain}, aggregator: fedavg}
  secure: {extends: plain, topology: {name: star, masked: true}}
  clipped: {extends: secure, aggregator: centered-clipping}
metrics: [co]
"""


@pytest.fixture(scope="module")
def planned_and_run(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secure")
    (folder / "secure.yaml").write_text(SUITE)
    (code, planned), (ran, printed) = (
        program("plan", folder / "secure.yaml", "--json"),
        program("run", folder / "secure.yaml", "--out", folder / "out"),
    )
    assert (code, ran) == (0, 0), planned + printed
    planned, found = json.loads(planned), {}
    for file in (folder / "out" / "trials").glob("*/trial.json"):
        record = json.loads(file.read_text())
        found[record["method"]] = record | {"state": load_file(file.parent / "state.safetensors")}
    return planned, found


def test_the_released_model_is_that_of_the_plain_star(planned_and_run):
    plain, secure = (planned_and_run[1][method]["state"] for method in ("plain", "secure"))
    assert plain.keys() == secure.keys()
    numbers = [key for key in plain if plain[key].is_floating_point() and plain[key].norm() > 0]
    assert (
        max(float((plain[k] - secure[k]).norm() / plain[k].norm()) for k in numbers) < 1e-5
    )  # rounding, trained on for 4 rounds


def test_what_was_sent_is_what_plan_foretold_keys_included(planned_and_run):
    planned, trials = planned_and_run
    foretold = {forecast["id"]: forecast for forecast in planned["forecasts"]}
    for method, keys in (("plain", 0), ("secure", 32 * 3 * 3)):
        sent = trials[method]["bytes"]
        assert sent["total"] == foretold[f"phantom/{method}/0"]["bytes"]
        for stage in ("stage1:table", "stage2"):
            assert sent[stage]["keys"] == keys
            assert sum(sent[stage]["rounds"]) == sent[stage]["closed_form"] > 0
    plain, secure = (sum(trials[method]["bytes"]["stage2"]["rounds"]) for method in ("plain", "secure"))
    assert secure * 2 == plain * 3


def test_the_dry_run_passes_under_masks(planned_and_run):
    assert {row["status"] for row in planned_and_run[1]["secure"]["plumbing"]} == {"ok"}


def test_what_needs_single_models_is_refused_while_planning(planned_and_run):
    (refused,) = planned_and_run[0]["refusals"]
    assert refused["id"] == "phantom/clipped/0"
    assert "needs individual models" in refused["reason"] and "write masked: false" in refused["reason"]
