"""kill -9, Ctrl-C and a dead parent: what was finished stays, what was not goes on, and no number changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from fpmg_bench.errors import ExitCode
from fpmg_bench.spec import Budget, TrialSpec
from fpmg_bench.store import RunDir, read_json, read_rounds, read_table

Trial = Callable[..., TrialSpec]
FAKE = Path(__file__).with_name("fake_trial.py")
PARENT = Path(__file__).with_name("fake_parent.py")


def wait_for(what: Callable[[], bool]) -> None:
    """What never comes is ended by pytest's timeout."""
    while not what():
        time.sleep(0.02)


def rounds(run: RunDir, key: str) -> list[dict[str, Any]]:
    return read_rounds(run.trial(key) / "rounds.jsonl")


@pytest.mark.parametrize("stage", ["stage1:labs", "stage2"])
def test_a_killed_trial_resumes_at_its_checkpoint_and_gives_the_same_table(
    stage: str, trial: Trial, run_fakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPMG_CHECKPOINT_SECONDS", "0")
    specs = [trial(budget=Budget(rounds=12), wish={"fault": "kill", "stage": stage, "at": 7, "once": str(tmp_path / "died")})]
    outcome, killed, events = run_fakes(tmp_path / "killed", *specs)
    assert outcome.counts["ok"] == 1
    key = killed.trials()[0].key
    (at,) = [i for i, event in enumerate(events) if event["event"] == "note"]
    assert "killed by SIGKILL" in events[at]["text"] and events[at]["text"].endswith("it is started again, once")
    assert [event["round"] for event in events[:at] if event.get("stage") == stage] == list(range(7))
    resumed = [(event["stage"], event["round"]) for event in events[at:] if event["event"] == "round"]
    assert resumed[0] == (stage, 7)
    assert read_json(killed.root / "costs.json")["calls"][0]["again"] == [killed.trials()[0].id]
    _, whole, _ = run_fakes(tmp_path / "whole", *specs)
    assert rounds(killed, key) == rounds(whole, key)
    assert read_table(killed.results).equals(read_table(whole.results))
    state = "state.safetensors"
    assert (killed.trial(key) / state).read_bytes() == (whole.trial(key) / state).read_bytes()


def start_parent(root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-P", str(PARENT), str(root), str(FAKE)], start_new_session=True)


def children(root: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if str(FAKE) in command and str(root) in command and str(PARENT) not in command and process.info["status"] != "zombie":
            found.append(process)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_resumable_run(number: int, trial: Trial, run_fakes: Any, planned_run: Any, tmp_path: Path) -> None:
    quick, slow = trial(wish={"light": True}), trial(seed=1, wish={"light": True, "sleep": 0.5}, budget=Budget(rounds=20))
    _, run = planned_run(tmp_path, quick, slow)
    first, second = run.trials()
    parent = start_parent(tmp_path)
    wait_for(lambda: run.finished(first) and len(rounds(run, second.key)) > 1)
    parent.send_signal(number)
    assert parent.wait(30) == ExitCode.INTERRUPTED
    assert children(tmp_path) == []
    assert run.finished(first)
    assert run.result(second.key) is None
    table = read_table(run.results)
    assert table["status"].tolist() == ["ok", "skipped"]


def test_trials_do_not_outlive_a_killed_parent(trial: Trial, planned_run: Any, tmp_path: Path) -> None:
    _, run = planned_run(tmp_path, trial(wish={"light": True, "sleep": 0.2}, budget=Budget(rounds=200)))
    parent = start_parent(tmp_path)
    key = run.trials()[0].key
    wait_for(lambda: len(rounds(run, key)) > 1)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_for(lambda: children(tmp_path) == [])
    assert run.result(key) is None
