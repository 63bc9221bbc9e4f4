"""Whole trials over gloo through the program, with silos that are killed or stopped: minutes of processor time.

A silo killed or stopped ends the trial and is named, or the others go on; a trial killed takes its silos with it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SUITE = """version: 1
name: killed
seeds: [0]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
partition: natural
budget: {rounds: 60, local_steps: 4, sampling_rate: 0.3, encoder_rounds: 1}
methods:
  ring: {encoders: {table: autoencoder}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
metrics: [fc, dg, co]
"""
PROGRAM = [sys.executable, "-P", "-m", "fpmg_bench"]


def start(folder, out, *words):
    (folder / "killed.yaml").write_text(SUITE)
    command = [*PROGRAM, "run", str(folder / "killed.yaml"), "--out", str(folder / out), "--transport", "gloo", "--no-report"]
    return subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ranks(run: Path) -> dict[int, int]:
    """rank -> pid of the running ranks of a run directory."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"fpmg_bench.runner.rank" in words and str(run).encode() in words:
            reported = dict(entry.split(b"=", 1) for entry in environment if b"=" in entry)
            found[int(reported[b"RANK"])] = int(folder.name)
    return found


def wait_for(condition):
    """What never comes is ended by pytest's timeout."""
    while not condition():
        time.sleep(0.05)


def in_stage_two(run: Path) -> bool:
    return any('"stage2"' in file.read_text() for file in run.glob("trials/*/rounds.jsonl"))


def result(run: Path):
    (file,) = run.glob("trials/*/trial.json")
    return json.loads(file.read_text())


@pytest.fixture(params=[(policy, sent) for policy in ("stop", "close-ring") for sent in (signal.SIGKILL, signal.SIGSTOP)])
def killed(request, tmp_path):
    """A run of which silo 1 was killed or stopped in stage 2; how long its ranks went on after that."""
    policy, sent = request.param
    running = start(tmp_path, "out", "--on-dead", policy, "--deadline", "5")
    wait_for(lambda: in_stage_two(tmp_path / "out"))
    os.kill(ranks(tmp_path / "out")[1], sent)
    died = time.monotonic()
    if policy == "stop":
        wait_for(lambda: not ranks(tmp_path / "out"))
    ended = time.monotonic() - died
    text = running.communicate(timeout=400)[0]
    assert not ranks(tmp_path / "out")  # a stopped one neither
    return policy, result(tmp_path / "out"), ended, text, tmp_path / "out"


def test_a_silo_that_is_killed_ends_the_trial_or_the_others_go_on(killed, bar):
    policy, found, ended, text, run = killed
    if policy == "stop":
        assert found["status"] == "failed"
        assert "(rank 1, pid" in found["reason"] and "died in stage2, round" in found["reason"], found["reason"]
        bar("seconds until all ranks had ended", ended, 10)
        return
    assert found["status"] == "ok", text
    assert not list(run.glob("trials/*/ranks/round-*"))
    ((name, place),) = found["transport"]["excluded"].items()
    assert name == found["silos"][1]["name"] and place.startswith("died in stage2, round")
    (file,) = run.glob("trials/*/rounds.jsonl")
    rounds = [json.loads(line) for line in file.read_text().splitlines()]
    assert [record["round"] for record in rounds if record["stage"] == "stage2"] == list(range(60))
    assert sorted(rounds[-1]["sent"]) == ["0", "2"] and rounds[-1]["inactive"] == [1]
    assert {row["status"] for row in found["scores"]} <= {"ok", "not_applicable"}


def killed_trial(out):
    """Kill the process whose children the ranks are, when all of them are there; none of them stays."""
    wait_for(lambda: len(ranks(out)) == 3)
    gone = ranks(out)
    parent = Path(f"/proc/{gone[0]}/status").read_text().partition("PPid:")[2].split()[0]
    os.kill(int(parent), signal.SIGKILL)
    wait_for(lambda: not set(gone) & set(ranks(out)))


def test_a_trial_that_is_killed_takes_its_ranks_with_it(tmp_path):
    running = start(tmp_path, "out")
    killed_trial(tmp_path / "out")
    killed_trial(tmp_path / "out")  # it is started again, once
    running.communicate(timeout=60)
    assert result(tmp_path / "out")["status"] == "failed"


def test_a_run_that_is_stopped_takes_its_ranks_with_it(tmp_path):
    running = start(tmp_path, "out")
    wait_for(lambda: len(ranks(tmp_path / "out")) == 3)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert not ranks(tmp_path / "out")
