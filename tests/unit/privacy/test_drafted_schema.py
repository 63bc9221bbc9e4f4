"""A drafted schema is data: until somebody declares it, every epsilon on it says so."""

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.folder import Folder

from fpmg_bench.cohorts.draft import draft
from fpmg_bench.store import read_json

SUITE = """
version: 1
name: drafted
seeds: [0]
datasets: [{{name: folder, root: "{root}"}}]
partition: {{kind: iid, silos: 2}}
budget: {{rounds: 0, encoder_rounds: 0}}
methods:
  dp:
    encoders: {{table: {{name: frozen, dim: 4}}}}
    generator: {{name: parallel-cgan, hidden: 8}}
    topology: ring
    aggregator: fedavg
    privacy: {{epsilon: 8, public_sizes: true}}
metrics: [pg]
"""


@pytest.fixture
def drafted(tmp_path):
    rng = np.random.default_rng(0)
    table = {
        "patient_id": [f"p{i}" for i in range(160)],
        "disease": rng.choice(["yes", "no"], 160),
        "age": rng.integers(20, 90, 160),
    }
    pd.DataFrame(table | {"marker": rng.normal(5, 1, 160).round(2)}).to_csv(tmp_path / "manifest.csv", index=False)
    text = draft(tmp_path / "manifest.csv", patient="patient_id", label="disease")
    (tmp_path / "cohort.yaml").write_text(text)
    return tmp_path


def test_a_draft_is_marked_until_its_owner_has_declared_it(drafted):
    file = drafted / "cohort.yaml"
    assert Folder(str(drafted)).load().drafted
    file.write_text(file.read_text().replace("drafted: true", "drafted: false"))
    assert not Folder(str(drafted)).load().drafted


def test_its_epsilon_says_so(drafted, run_here):
    run = run_here(SUITE.format(root=drafted))
    (file,) = run.glob("trials/*/trial.json")
    trial, ledger = read_json(file), read_json(file.parent / "ledger.json")
    expected = {"noise": "simulated", "adjacency": "zero-out, sizes and labels public", "schema": "schema not confirmed"}
    assert {key: trial["privacy"][key] for key in expected} == expected
    assert {key: ledger[key] for key in expected} == expected
    assert trial["privacy"]["delta"] == 1e-3 < 160**-1.1
    assert {row["source"] for row in trial["scores"] if row["key"] == "pg.epsilon"} == {"ledger, max over silos; simulated"}
