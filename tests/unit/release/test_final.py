"""`run --final`: one method once on everybody, under a key of its own, beside the run; `release` takes it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import fpmg_bench as fb
from fpmg_bench.api import resume
from fpmg_bench.registry import Registry
from fpmg_bench.release import chosen, release
from fpmg_bench.store import RunDir

SUITE = """version: 1
name: small
seeds: [3, 4]
datasets:
  - {name: phantom, patients: 150, silos: 2, modalities: [table], held_out: 60}
budget: {rounds: 1, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1, evaluate_every: 1}
methods:
  open: {encoders: {table: autoencoder}, generator: gaussian-copula, topology: star, aggregator: fedavg}
  private: {extends: open, privacy: {epsilon: 8, secure: true}}
  decoded: {extends: open, generator: null}
metrics: [co, pg, rg]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, program):
    place = tmp_path_factory.mktemp("final")
    (place / "suite.yaml").write_text(SUITE)
    for words in (["-k", "private", "--seeds", "4", "--no-report"], ["--final", "private"]):
        code, text = program("run", place / "suite.yaml", "--out", place / "run", *words)
        assert code == 0, text
    assert f"fpmg-bench release {place / 'run'} private --to DIR" in text
    return place


def test_everybody_trains_once_and_nothing_is_scored(folder):
    (record,) = fb.load(folder / "run" / "final").trials()
    split = record["split"]
    assert (split["train"]["patients"], split["held_out"]["patients"], split["r1"]["patients"]) == (150, 0, 0)
    assert record["seed"] == 3
    assert {row["status"] for row in record["scores"]} == {"not_applicable"}
    assert {row["metric"] for row in record["scores"]} == {"co", "pg", "rg"}
    assert all(row["reason"].startswith("final: nobody was held out") for row in record["scores"])


def test_it_has_a_key_and_a_ledger_of_its_own(folder):
    ran, final = RunDir(folder / "run"), RunDir(folder / "run" / "final")
    assert {t.key for t in ran.trials()} & {t.key for t in final.trials()} == set()
    (trial,) = final.trials()
    key = json.loads((final.trial(trial.key) / "key.json").read_text())
    assert key["trial"]["stage1"]["split"] == {"holdout": 0.0, "tuning": False, "final": True}
    ledger = fb.load(final.root).ledger(trial.key)
    assert ledger["noise"] == "secure"
    assert all(0 < silo["epsilon"] <= 8 for silo in ledger["silos"])


def test_a_final_run_is_taken_up_where_it_ended(folder):
    ended = resume(folder / "run" / "final")
    assert ended.code == 0 and ended.status()["ok"] == 1


def test_the_run_beside_it_stays_a_run(folder, program):
    code, _ = program("run", folder / "suite.yaml", "--out", folder / "run", "-k", "private", "--seeds", "4", "--no-report")
    assert code == 0
    assert [t.spec.final for t in RunDir(folder / "run").trials()] == [False]


def test_a_release_is_of_the_final_trial_and_tells_of_the_other_what_was_measured(folder, tmp_path):
    found = chosen(folder / "run", "private")
    assert found.trial.spec.final
    assert [trial["seed"] for trial in found.evaluated] == [4]
    made = release(folder / "run", "private", tmp_path / "out", Registry.discover(), patients=30)
    privacy = (made.folder / "privacy.md").read_text()
    assert "trained without the patients that were held out to attack it" in privacy
    assert "all patients of the cohort" in (made.folder / "README.md").read_text()


@pytest.mark.parametrize(("method", "said"), [("decoded", "releases nothing"), ("privat", "Did you mean 'private'")])
def test_a_method_that_cannot_be_released_is_refused_before_anything_runs(method, said, folder, program):
    code, text = program("run", folder / "suite.yaml", "--out", folder / "new", "--final", method)
    assert code == 2 and said in text
    assert not (folder / "new").exists()


def test_export_gives_the_patients_of_a_trial(tmp_path, program):
    from fpmg_plugins.datasets.folder import Folder
    from fpmg_plugins.datasets.phantom import Phantom

    from fpmg_bench.evaluation import split

    options = ["--set", "patients=150", "--set", "modalities=[table]", "--seed", "4"]
    for part in ("train", "test"):
        code, text = program("data", "export", "phantom", tmp_path / part, "--split", part, "--form", "csv", *options)
        assert code == 0, text
    expected = split(Phantom(patients=150, modalities=("table",)).load(), 4)
    for part, cohort in (("train", expected.train), ("test", expected.held_out)):
        assert (tmp_path / part / "manifest.csv").is_file()
        read = Folder(str(tmp_path / part)).load()
        assert len(set(read.patient.tolist())) == len(set(cohort.patient.tolist()))
        np.testing.assert_allclose(read.condition, cohort.condition, rtol=1e-13)  # decimals of a csv
        pd.testing.assert_frame_equal(read.data["table"].frame, cohort.data["table"].frame, rtol=1e-13, atol=0)
