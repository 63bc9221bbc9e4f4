"""Silos that lack a modality: only holders train it, everyone can release the complete record, and bytes say what it took."""

import json
from dataclasses import replace

import numpy as np
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.cohorts.folder import write

SUITE = """version: 1
name: skew
seeds: [0]
datasets: [{{name: folder, file: {file}}}]
partition: natural
budget: {{rounds: 2, local_steps: 5, sampling_rate: 0.3, encoder_rounds: 2}}
methods:
  ring: {{encoders: {{table: autoencoder, series: pca, image: cnn-ae}}, generator: parallel-cgan, topology: ring, aggregator: centered-clipping}}
  alone: {{extends: ring, topology: isolated}}
  skewed: {{extends: ring, partition: {{kind: modality, lack: 0.15, of: natural}}}}
metrics: [rg, co, tstr, reconstruction]
"""


def test_the_complete_record_is_released_by_silos_that_never_saw_it(program, tmp_path):
    cohort = Phantom(patients=240, silos=3, modalities=("table", "series", "image")).load()
    lacking = {"image": 0, "series": 1}
    present = {m: mask & (cohort.silo != lacking.get(m, -1)) for m, mask in cohort.present.items()}
    write(replace(cohort, present=present), tmp_path / "cohort")
    (tmp_path / "skew.yaml").write_text(SUITE.format(file=tmp_path / "cohort" / "cohort.yaml"))
    code, printed = program("run", tmp_path / "skew.yaml", "--out", tmp_path / "out")
    assert code == 0, printed
    trials = {t["method"]: t for t in (json.loads(p.read_text()) for p in (tmp_path / "out" / "trials").glob("*/trial.json"))}
    assert [s["modalities"] for s in trials["ring"]["silos"]] == [
        ["table", "series"],
        ["table", "image"],
        ["table", "series", "image"],
    ]
    ring, alone = trials["ring"]["bytes"], trials["alone"]["bytes"]
    assert ring["stage1:image"]["closed_form"] == sum(ring["stage1:image"]["rounds"])
    assert ring["stage1:image"]["handover"] * 2 * 2 == sum(ring["stage1:image"]["rounds"])  # 2 holders, 2 rounds: M each way
    assert ring["stage2"]["handover"] > 0 == alone["total"]
    kept = {
        s["scope"]: s["value"] for s in trials["ring"]["scores"] if s["key"] == "reconstruction.ssim" and s["modality"] == "image"
    }
    assert len(kept) == 4 and len(set(kept.values())) == 1  # one decoder at all three silos
    own = [s for s in trials["alone"]["scores"] if s["status"] == "not_applicable" and s["modality"] == "image"]
    assert any("an encoder" in s["reason"] for s in own)
    skew, before = trials["skewed"]["skew"], trials["ring"]["skew"]
    assert (before["absent"], skew["absent"]) == (2 / 9, 3 / 9)  # one more of 9 pairs, of the 7 that there were
    ((modality, count),) = skew["withheld"].items()
    ((silo, records),) = count.items()
    assert records > 0
    at = {s["name"]: set(s["modalities"]) for s in trials["skewed"]["silos"]}
    had = {s["name"]: set(s["modalities"]) for s in trials["ring"]["silos"]}
    assert at == had | {silo: had[silo] - {modality}}
    assert {s["value"] for s in trials["skewed"]["scores"] if s["key"] == "rg" and s["scope"] == "all" and s["modality"] is None}
    assert np.isfinite([s["value"] for s in trials["ring"]["scores"] if s["status"] == "ok"]).all()
