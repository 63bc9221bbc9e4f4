"""Trials on a Dask cluster of this machine: a real scheduler, workers that are processes, and what can go wrong with either."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("distributed")

SUITE = """
version: 1
name: tiny
seeds: [0, 1]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
partition: natural
budget: {rounds: 25, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 1}
methods:
  copy: {control: copy}
  ring: {encoders: {table: autoencoder}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
metrics: [rg, dg, co]
"""
WAIT = 250  # seconds, on a machine that others use


def process(*words, log, env=None):
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", *map(str, words)], env=os.environ | (env or {}), stdout=file, stderr=subprocess.STDOUT
        )


def until(true, what):
    end = time.monotonic() + WAIT
    while not (found := true()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return found


def free_port():
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Site:
    """A scheduler and workers, each with a folder of its own for its scenes; all end with the test."""

    def __init__(self, folder):
        self.folder, self.port, self.started = folder, free_port(), {}
        self.scheduler()

    @property
    def address(self):
        return f"tcp://127.0.0.1:{self.port}"

    def scheduler(self):
        words = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", self.port, "--no-dashboard")
        self.started["scheduler"] = process(*words, log=self.folder / "scheduler.log")

    def worker(self, name, **env):
        place = {"DASK_TEMPORARY_DIRECTORY": str(self.folder / name), "FPMG_CHECKPOINT_SECONDS": "0"}
        words = ("fpmg_bench", "worker", self.address, "--slots", 1, "--name", name)
        self.started[name] = process(*words, log=self.folder / f"{name}.log", env=place | env)
        until(lambda: "at a time" in (self.folder / f"{name}.log").read_text(), f"{name} did not start")

    def run(self, suite, out, *words):
        words = ("fpmg_bench", "run", suite, "--out", out, "--no-report", "--scheduler", self.address, *words)
        self.started["run"] = process(*words, log=self.folder / "run.log")
        return self.started["run"]

    def training(self, *names):
        """The worker in which a trial is past the first rounds of stage 2, when there is one."""

        def found():
            for name in names:
                for file in (self.folder / name).rglob("rounds.jsonl"):
                    with contextlib.suppress(OSError):
                        if file.read_text().count('"stage2"') > 2:
                            return name
            return None

        return until(found, "no trial began")

    def scenes(self, name):
        found = os.walk(self.folder / name)  # which passes over what goes meanwhile
        return [Path(at) / sub for at, below, _ in found for sub in below if sub.startswith("scene-")]

    def said(self):
        return (self.folder / "run.log").read_text()

    def close(self):
        for each in self.started.values():
            if each.poll() is None:
                each.kill()
            each.wait()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    file = tmp_path_factory.mktemp("suite") / "tiny.yaml"
    file.write_text(SUITE)
    return file


@pytest.fixture(scope="module")
def alone(suite, program):
    """The table of one machine."""
    code, text = program("run", suite, "--out", suite.parent / "alone", "--no-report")
    assert code == 0, text
    return table(suite.parent / "alone")


def table(out):
    found = pd.read_parquet(out / "results.parquet")
    return found[~found["metric"].str.startswith("cost")].reset_index(drop=True)


def same(one, other):
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), check_exact=True)


def trials(out):
    return [json.loads(file.read_text()) for file in out.glob("trials/*/trial.json")]


def other_scipy(folder):
    """A PYTHONPATH on which scipy says that it has another version."""
    info = folder / "scipy-0.0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scipy\nVersion: 0.0.1\n")
    return {"PYTHONPATH": str(folder)}


def test_two_workers_give_the_table_of_one_machine_and_one_with_other_versions_gets_no_trial(site, suite, alone, tmp_path):
    import scipy

    site.worker("other", **other_scipy(tmp_path / "path"))
    site.worker("a")
    site.worker("b")
    assert site.run(suite, tmp_path / "out").wait(WAIT) == 0, site.said()
    same(table(tmp_path / "out"), alone)
    assert {trial["ran"]["worker"] for trial in trials(tmp_path / "out")} == {"a", "b"}
    assert "worker other (tcp://127.0.0.1:" in site.said()
    assert f"setting.libraries.scipy {scipy.__version__} -> 0.0.1" in site.said()
    assert not list(tmp_path.glob("out/.*.tmp"))
    assert [site.scenes(name) for name in ("a", "b", "other")] == [[], [], []]


@pytest.mark.long
def test_a_worker_killed_in_mid_trial_costs_no_number_and_is_told(site, suite, alone, tmp_path):
    site.worker("a")
    site.worker("b")
    run = site.run(suite, tmp_path / "out", "-k", "ring and 0")
    killed = site.training("a", "b")
    site.started[killed].send_signal(signal.SIGKILL)
    assert run.wait(WAIT) == 0, site.said()
    same(table(tmp_path / "out"), alone[(alone["method"] == "ring") & (alone["seed"] == 0)])
    (trial,) = trials(tmp_path / "out")
    assert trial["ran"] == {"worker": "b" if killed == "a" else "a", "lost": [killed]}
    assert f"1 trial lost with worker {killed}" in site.said() and "again elsewhere: phantom/ring/0" in site.said()


@pytest.mark.long
def test_a_scheduler_that_goes_and_comes_back_costs_no_number(site, suite, alone, tmp_path):
    site.worker("a")
    run = site.run(suite, tmp_path / "out", "-k", "ring and 0")
    site.training("a")
    site.started["scheduler"].kill()
    site.started["scheduler"].wait()
    until(lambda: not site.scenes("a"), "the scene outlived its scheduler")
    site.scheduler()
    assert run.wait(WAIT) == 0, site.said()
    same(table(tmp_path / "out"), alone[(alone["method"] == "ring") & (alone["seed"] == 0)])
    assert "has gone" in site.said() and "the scheduler is back" in site.said()


def test_an_interrupt_ends_the_workers_trials_and_keeps_what_is_finished(site, suite, alone, tmp_path):
    site.worker("a")
    run = site.run(suite, tmp_path / "out", "-k", "0")
    site.training("a")
    run.send_signal(signal.SIGINT)
    assert run.wait(WAIT) == 130, site.said()
    until(lambda: not site.scenes("a"), "a trial goes on")
    assert not running("fpmg_bench.runner", str(tmp_path / "a"))
    assert [trial["method"] for trial in trials(tmp_path / "out")] == ["copy"]
    assert site.started["a"].poll() is None


def running(*words):
    """Processes whose command line holds all of these."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                line = file.read()
            if all(word in line for word in words):
                found.append(int(pid))
    return found


STUDY = """
version: 1
name: study
seeds: [3]
datasets: [{name: phantom, patients: 300, modalities: [table]}]
budget: {rounds: 0, local_steps: 1, sampling_rate: 0.2, encoder_rounds: 1}
methods:
  fpmg: {encoders: {table: pca}, generator: gaussian-copula, topology: ring, aggregator: fedavg}
metrics: [rg]
tune: {method: fpmg, trials: 2, holdout: 0.3, objectives: [rg], space: {encoders.table.dim: {int: [2, 8]}}}
"""


@pytest.mark.long
def test_a_study_on_a_worker_of_this_machine_goes_from_batch_to_batch(tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY)
    words = ("fpmg_bench", "tune", tmp_path / "study.yaml", "--out", tmp_path / "out", "--scheduler", "local:1", "--json")
    assert process(*words, log=tmp_path / "log").wait(WAIT) == 0
    said = (tmp_path / "log").read_text()
    assert said.count("1 trial: 1 to run") == 2 and "lost" not in said, said
    assert {trial["status"] for trial in trials(tmp_path / "out")} == {"ok"} and len(trials(tmp_path / "out")) == 2
