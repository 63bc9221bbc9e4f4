"""Whole trials on the pretended device: nothing between their steps meets it unprepared, and they end in the numbers of the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from fpmg_bench import runner
from fpmg_bench.registry import Registry
from fpmg_bench.runner.devices import GIVEN
from fpmg_bench.runner.one import build
from fpmg_bench.store import RunDir, TrialSink
from fpmg_bench.testing.tagged import pretended
from fpmg_bench.trial import run_trial

TEXT = """\
version: 1
name: devices
seeds: [0]
datasets: [{name: phantom, patients: 150, modalities: [table, image]}]
partition: {kind: iid, silos: 2}
budget: {rounds: 2, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 1}
methods:
  fpmg:
    encoders: {table: autoencoder, image: cnn-ae}
    generator: parallel-cgan
    topology: ring
    aggregator: centered-clipping
  private:
    extends: fpmg
    generator: latent-flow
    topology: star
    aggregator: fedavg
    privacy: {epsilon: 8, delta: 1.0e-3}
    audit: {canaries: 10}
metrics: [tstr, density-ratio]
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Any]]]:
    """device -> method -> what its trial left."""
    return {device: _run(tmp_path_factory.mktemp(device), device) for device in ("cpu", "cuda")}


def _run(folder: Path, device: str) -> dict[str, dict[str, Any]]:
    registry = Registry.discover()
    (folder / "suite.yaml").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        if device == "cuda":
            patch.setattr(torch.cuda, "is_available", lambda: True)
            patch.setattr(torch.cuda, "device_count", lambda: 1)
            patch.setattr(torch.cuda, "get_device_name", lambda device: "pretended")
        runner.plan(folder / "suite.yaml", registry, out=folder / "out", device=device)
    run, found = RunDir(folder / "out"), {}
    for trial in run.trials():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(GIVEN, "cuda:0")
            parts, sink = build(trial.spec, registry), TrialSink(run, trial, True, lambda event: None)
            if device == "cuda":
                with pretended() as there:
                    run_trial(trial.spec, parts, sink)
                assert there.operations > 1000
            else:
                run_trial(trial.spec, parts, sink)
        states = load_file(run.trial(trial.key) / "state.safetensors")
        found[trial.spec.method] = {"result": run.result(trial.key), "states": states}
    return found


@pytest.mark.parametrize("method", ["fpmg", "private"])
def test_a_trial_on_a_device_ends_in_the_numbers_of_the_cpu(ended: Any, method: str) -> None:
    here, there = ended["cpu"][method], ended["cuda"][method]
    assert here["result"]["status"] == there["result"]["status"] == "ok"
    assert here["states"].keys() == there["states"].keys() and here["states"]
    for key, value in here["states"].items():
        assert torch.equal(there["states"][key], value), key
    one, two = ([(row["key"], row["scope"], row["value"]) for row in trial["result"]["scores"]] for trial in (here, there))
    assert one == two and one
