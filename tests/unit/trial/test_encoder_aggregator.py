"""Encoders may merge by another rule than the generator."""

import json

import numpy as np

SUITE = """version: 1
name: two-rules
seeds: [0]
datasets: [{{name: phantom, patients: 80, silos: 3, modalities: [table]}}]
partition: natural
budget: {{rounds: 2, local_steps: 2, sampling_rate: 0.5, encoder_rounds: 2}}
methods:
  same: {{encoders: {{table: {{name: autoencoder, dim: 3}}}}, generator: latent-flow, topology: star, aggregator: {rule}}}
  apart: {{extends: same, aggregator: {{name: fedadam, lr: 0.5}}, encoder_aggregator: {rule}}}
metrics: [co]
"""


def merged(out, stage):
    """method -> mean consensus rows of a stage, as the rounds' records have them."""
    found = {}
    for folder in (out / "trials").iterdir():
        method = json.loads((folder / "trial.json").read_text())["method"]
        rounds = [json.loads(line) for line in (folder / "rounds.jsonl").read_text().splitlines()]
        found[method] = [r for r in rounds if r["stage"] == stage]
    return found


def test_stage_1_merges_by_its_own_rule_and_is_shared(run_here):
    out = run_here(SUITE.format(rule="fedavg"))
    assert len(list((out / "stage1").iterdir())) == 1  # the same encoders for both
    second = merged(out, "stage2")
    norms = {m: np.array([next(iter(r["losses"].values()))["loss"] for r in rows]) for m, rows in second.items()}
    assert norms["same"][0] == norms["apart"][0] and norms["same"][1] != norms["apart"][1]
