"""A third party needs no fork: the example distribution is installed with pip and used in a suite by its names."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "plugins" / "fpmg-plugin-example"


def run(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", *words], env=env, capture_output=True, text=True, check=False)


@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="this environment has no pip")
def test_installed_plugin_is_listed_and_runs(tmp_path):
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(HERE, source)
    made = run("-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(source), env=dict(os.environ))
    assert made.returncode == 0, made.stderr
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))}
    listed = run("-m", "fpmg_bench", "list", "aggregator", "norm-bounded-mean", env=env)
    assert listed.returncode == 0, listed.stderr
    assert "fpmg-plugin-example" in listed.stdout
    done = run("-m", "fpmg_bench", "run", str(HERE / "suite.yaml"), "--out", str(tmp_path / "out"), env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    import pandas as pd

    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert "category-coverage" in set(table[table.status == "ok"].metric)
    assert "vae" in set(table[(table.status == "ok") & (table.metric == "rg")].method)
    assert (tmp_path / "out" / "report.html").is_file()
