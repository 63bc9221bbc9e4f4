"""What the commands say of schedulers that are none, and that nothing of Dask is imported unasked."""

import contextlib
import subprocess
import sys

import pytest

from fpmg_bench import cluster
from fpmg_bench.cluster import place

SUITE = """version: 1
name: tiny
seeds: [0, 1]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
methods:
  copy: {control: copy}
  worse: {control: bootstrap-noise}
metrics: [rg]
"""


@pytest.mark.parametrize("address", ["here", "tcp://", "tcp://host", "local:0", "local:x", "http://host:1"])
def test_an_address_that_is_none_is_refused_with_the_forms(program, address):
    code, text = program("run", "smoke", "--scheduler", address)
    assert code == 2 and f"--scheduler {address}: no address" in text and "local:N" in text


def test_jobs_and_a_scheduler_are_not_both_taken(program):
    code, text = program("run", "smoke", "--scheduler", "local:2", "--jobs", 2)
    assert code == 2 and "--slots" in text


def test_a_scheduler_that_does_not_answer_is_said_at_once(program, monkeypatch):
    monkeypatch.setattr(place, "ANSWER", 0.2)
    code, text = program("run", "smoke", "--scheduler", "tcp://127.0.0.1:9")
    assert code == 2 and "nobody answers" in text


def test_without_dask_the_extra_is_named(program, monkeypatch):
    monkeypatch.setattr(place, "find_spec", lambda name: None)
    code, text = program("run", "smoke", "--scheduler", "local:2")
    assert code == 2 and "pip install 'fpmg-bench[cluster]'" in text


def test_dask_is_imported_only_when_asked_for():
    code = "import sys, fpmg_bench.api, fpmg_bench.runner, fpmg_bench.tune, fpmg_bench.cli.run; fpmg_bench.api.cluster(None); "
    code += "sys.exit(any(name.partition('.')[0] in ('dask', 'distributed') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_calibrate_computes_first_what_its_runs_lack(program, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(cluster, "connected", lambda scheduler: asked.append(scheduler) or contextlib.nullcontext())
    (tmp_path / "tiny.yaml").write_text(SUITE)
    code, text = program("run", tmp_path / "tiny.yaml", "--out", tmp_path / "run", "--no-report")
    assert code == 0, text
    lost = sorted((tmp_path / "run").glob("trials/*/trial.json"))[0]
    lost.unlink()
    code, text = program("calibrate", tmp_path / "run", "--scheduler", "local:2")
    assert code == 0 and asked == ["local:2"] and lost.is_file(), text
    assert "4 trials: 1 to run, 3 kept" in text
