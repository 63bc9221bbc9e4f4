"""The whole program on a small suite: run, run again, resume after kill -9, report without real rows."""

import html
import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

SUITE = """
version: 1
name: tiny
seeds: [0]
datasets: [{name: phantom, patients: 150, silos: 3, modalities: [table, image]}]
partition: natural
budget: {rounds: 4, local_steps: 4, sampling_rate: 0.2, encoder_rounds: 3}
methods:
  fpmg: {encoders: {table: autoencoder, image: cnn-ae}, generator: parallel-cgan, topology: ring, aggregator: centered-clipping}
  fpmg-dp: {extends: fpmg, privacy: {epsilon: 8, delta: 1.0e-3}}
  single-modal: {extends: fpmg, generator: single-modal-cgan}
  copula: {extends: fpmg, encoders: {image: pca}, generator: gaussian-copula, topology: star, aggregator: fedavg}
  copy: {control: copy}
metrics: [rg, dg, pg, fc, co, tstr]
"""


def start(*words, env=None, **options):
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "fpmg_bench", *words], env=os.environ | (env or {}), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options,
    )  # fmt: skip


def finish(process):
    out, _ = process.communicate(timeout=400)
    return process.returncode, out


def numbers(out):
    table = pd.read_parquet(out / "results.parquet")
    timeless = table[~table.metric.str.startswith("cost")]
    keep = ["dataset", "method", "seed", "round", "scope", "modality", "metric", "value", "low", "high", "status"]
    return timeless[keep].sort_values(keep[:7]).reset_index(drop=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.yaml").write_text(SUITE)
    code, text = finish(start("run", str(folder / "tiny.yaml"), "--out", str(folder / "out")))
    assert code == 0, text
    return folder


def test_every_trial_is_ok_and_every_yardstick_has_a_value(finished):
    table = numbers(finished / "out")
    fpmg = table[(table.method == "fpmg") & (table.scope == "all") & (table.status == "ok")]
    assert {"rg", "dg", "pg.attack_auc", "fc", "co", "tstr", "rg.copy_ratio", "dg.spread"} <= set(fpmg.metric)


def test_patients_are_drawn_from_what_the_run_left(program, finished, tmp_path):
    run = finished / "out"
    code, text = program("release", run, "fpmg", "--to", tmp_path / "rel", "--patients", 40, "--balanced")
    assert code == 0, text
    made = pd.read_parquet(tmp_path / "rel" / "manifest.parquet")
    assert len(made) == 40
    assert made["condition.label"].value_counts().nunique() == 1
    assert all((tmp_path / "rel" / file).is_file() for file in made["image"].dropna())
    for method, said in (("copy", "control: what it gives are real patients"), ("fpmg-dp", "its noise is simulated")):
        code, text = program("release", run, method, "--to", tmp_path / method)
        assert (code, said in text) == (2, True), text
        assert not (tmp_path / method).exists()


def test_the_dp_method_prints_an_epsilon_within_its_budget_and_the_audit_agrees(program, finished):
    table = numbers(finished / "out")
    epsilon = table[(table.method == "fpmg-dp") & (table.metric == "pg.epsilon") & (table.scope == "all")].value.item()
    assert 7.0 < epsilon <= 8.0
    code, text = program("audit", finished / "out")
    assert code == 0, text


def test_a_second_run_trains_nothing(program, finished):
    before = {p: p.stat().st_mtime_ns for p in (finished / "out" / "trials").glob("*/trial.json")}
    code, text = program("run", finished / "tiny.yaml", "--out", finished / "out")
    assert code == 0, text
    assert before == {p: p.stat().st_mtime_ns for p in (finished / "out" / "trials").glob("*/trial.json")}


def test_kill_minus_nine_in_the_middle_changes_no_number(finished, tmp_path):
    out = tmp_path / "out"
    words = ("run", str(finished / "tiny.yaml"), "--out", str(out), "--jobs", "1", "-k", "fpmg", "--no-report")
    process = start(*words, env={"FPMG_CHECKPOINT_SECONDS": "0"}, start_new_session=True)
    while not list(out.glob("trials/*/checkpoint.safetensors")) and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, text = finish(start(*words))
    assert code == 0, text
    again, before = (table[table.method.isin(["fpmg", "fpmg-dp"])] for table in (numbers(out), numbers(finished / "out")))
    pd.testing.assert_frame_equal(again.reset_index(drop=True), before.reset_index(drop=True))


def test_the_report_loads_nothing_from_the_network(finished):
    page = html.unescape((finished / "out" / "report.html").read_text())
    assert "default-src 'none'" in page
    assert "fpmg-dp" in page


def test_synthetic_patients_read_back_as_a_cohort(finished):
    from fpmg_plugins.datasets.folder import Folder

    trial = next(
        p.parent for p in (finished / "out" / "trials").glob("*/trial.json") if json.loads(p.read_text())["method"] == "fpmg"
    )
    cohort = Folder(file=str(trial / "synthetic" / "all" / "cohort.yaml")).load()
    assert len(cohort) > 50
    assert set(cohort.schemas) == {"table", "image"}
