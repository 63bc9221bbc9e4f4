"""Cohorts whose label is a number, the time to an event, or absent, from a folder through every step to the report."""

import json

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.folder import Folder

from fpmg_bench.cohorts.folder import write
from fpmg_bench.testing import fakes

SUITE = """version: 1
name: labels
seeds: [0]
datasets:
  - {{name: folder, as: number, root: {root}/number}}
  - {{name: folder, as: event, root: {root}/event}}
  - {{name: folder, as: none, root: {root}/none}}
partition: natural
budget: {{rounds: 2, local_steps: 2, sampling_rate: 0.3, encoder_rounds: 2}}
methods:
  fpmg: {{encoders: {{table: autoencoder, text: frozen}}, generator: parallel-cgan, topology: ring, aggregator: fedavg}}
  copula: {{extends: fpmg, generator: gaussian-copula}}
  dp: {{extends: copula, encoders: {{table: pca, text: frozen}}, privacy: {{epsilon: 8, delta: 1.0e-3}}}}
  decoded: {{extends: copula, generator: null}}
  copy: {{control: copy}}
metrics: [rg, tstr, survival, balance, augmentation, fairness, inference, co]
"""


def test_every_sort_of_label_runs(program, tmp_path):
    pytest.importorskip("sksurv")
    cohort = fakes.cohort(240, modalities=("table", "text"))
    for name, labelled in (("number", fakes.by_number), ("event", fakes.by_event), ("none", fakes.unlabelled)):
        write(labelled(cohort), tmp_path / name, "CC0-1.0", publishable=True)
    (tmp_path / "labels.yaml").write_text(SUITE.format(root=tmp_path))
    code, printed = program("plan", tmp_path / "labels.yaml")
    assert code == 0, printed
    code, printed = program("run", tmp_path / "labels.yaml", "--out", tmp_path / "out")
    assert code == 0, printed
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    head = table[(table["scope"] == "all") & table["modality"].isna() & (table["status"] == "ok")]
    value = {(r.dataset, r.method, r.metric): r.value for r in head.itertuples()}
    assert value["number", "copy", "tstr.r2"] > 0.8 and value["event", "copy", "survival"] > 0.8
    for method in ("fpmg", "copula", "dp", "decoded"):
        assert value["number", method, "tstr.r2"] <= value["number", "copy", "tstr.r2"]
        assert 0.0 <= value["event", method, "survival"] <= 1.0 and ("none", method, "rg") in value
    said = table[table["status"] == "not_applicable"].set_index(["dataset", "metric"])["reason"].sort_index()
    assert set(said["none", "tstr"]) == {"the cohort has no label"} and "see tstr.r2" in said["number", "tstr"].iloc[0]
    assert not (table["status"] == "failed").any()
    for trial in (tmp_path / "out" / "trials").glob("*/trial.json"):
        spec = json.loads(trial.read_text())["spec"]
        if spec["method"] == "copula":
            (folder,) = (trial.parent / "synthetic").iterdir()
            released = Folder(root=str(folder)).load()
            assert released.task == spec["dataset"]["params"]["root"].rpartition("/")[2]
            if (
                released.task == "number"
            ):  # what was asked for is carried, by the condition and by the table's column of that name
                assert np.array_equal(np.digitize(released.target, fakes.CUTS), released.label)
                assert np.array_equal(released.data["table"].frame["lactate"], released.target)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "TSTR R²" in page and "TSTR concordance" in page
