"""`generator: null`: stage 1 is trained, held-out patients make the round trip, and only publishable ones are kept."""

import json

import pandas as pd
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.cohorts.folder import write

SUITE = """version: 1
name: alone
seeds: [0]
datasets:
  - {{name: phantom, patients: 150, silos: 3, modalities: [table, image]}}
  - {{name: folder, as: private, file: {file}}}
partition: natural
budget: {{local_steps: 3, sampling_rate: 0.3, encoder_rounds: 2}}
methods:
  ring: {{encoders: {{table: autoencoder, image: pca, private/image: cnn-ae}}, generator: null, topology: ring, aggregator: fedavg}}
metrics: [reconstruction, co, fc, rg]
"""


def test_encoders_alone(program, tmp_path):
    write(Phantom(patients=150, silos=3, modalities=("table", "image")).load(), tmp_path / "cohort")
    (tmp_path / "alone.yaml").write_text(SUITE.format(file=tmp_path / "cohort" / "cohort.yaml"))
    code, printed = program("run", tmp_path / "alone.yaml", "--out", tmp_path / "out")
    assert code == 0, printed
    trials = {t["dataset"]: t for t in (json.loads(p.read_text()) for p in (tmp_path / "out" / "trials").glob("*/trial.json"))}
    shown = {p.parent.parent.name: p for p in (tmp_path / "out" / "trials").glob("*/synthetic")}
    assert len(shown) == 1  # a cohort that is not publishable leaves no decoded patient behind
    (folder,) = (path for path in (tmp_path / "out" / "trials").glob("*/synthetic"))
    real, decoded = (pd.read_parquet(folder / part / "manifest.parquet") for part in ("held-out", "decoded"))
    assert len(real) == len(decoded) == 4 and real.patient.equals(decoded.patient)
    assert not real["table.age"].equals(decoded["table.age"])
    assert (
        trials["private"]["spec"]["encoders"]["image"]["name"]
        == "cnn-ae"
        != trials["phantom"]["spec"]["encoders"]["image"]["name"]
    )
    assert set(trials["phantom"]["bytes"]) >= {"stage1:table", "stage1:image"} and "stage2" not in trials["phantom"]["bytes"]
    rows = {s["key"]: s for s in trials["phantom"]["scores"] if s["scope"] == "all"}
    assert trials["phantom"]["role"] == "decoded" and rows["rg"]["value"] > 0  # of the training patients, encoded and decoded
    assert rows["reconstruction.invalid"]["value"] == 0
