"""Runs of a small suite that are killed (SIGKILL) at random moments, then run to their end: the tables must be those of a whole run.

PYTHONPATH=tests python tests/bench/killed_runs.py [KILLS] [SEED]: 40 times kills the runner, after which every reader reads what is
left and the run goes on, or any process below it, once a trial. Prints a line a kill and the counts; exit code 1 where a table
differs, anything ended with exit code 3, or a process outlived its run.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from tree import KINDS, Seen

SUITE = """version: 1
name: killed
seeds: [0]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
budget: {rounds: 6, local_steps: 2, sampling_rate: 0.3, encoder_rounds: 3, evaluate_every: 2}
methods:
  fpmg: {encoders: {table: autoencoder}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
  single-modal: {extends: fpmg, generator: single-modal-cgan}
  private: {extends: fpmg, privacy: {epsilon: 8, delta: 1.0e-3}}
  centralized: {extends: fpmg, partition: pooled}
metrics: [rg, co]
"""
RUNNER = "runner"
PROGRAM = [sys.executable, "-P", "-m", "fpmg_bench"]
ENV = {**os.environ, "FPMG_CHECKPOINT_SECONDS": "0"}


def started(folder: Path, root: Path) -> subprocess.Popen[bytes]:
    words = [*PROGRAM, "run", str(folder / "suite.yaml"), "--out", str(root), "--jobs", "1", "--no-report"]
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(words, env=ENV, stdout=log, stderr=log)


def kill(process: subprocess.Popen[bytes], seen: Seen, kind: str) -> bool:
    """Kill one of this kind, as soon as there is one; False if the run ends before."""
    while process.poll() is None:
        now = {RUNNER: [process.pid], **seen.look(process.pid)}[kind]
        if now:
            with contextlib.suppress(ProcessLookupError):
                os.kill(now[0], signal.SIGKILL)
                return True
        time.sleep(0.01)
    return False


def left(seen: Seen) -> list[int]:
    """What is still there two seconds later, at the latest."""
    until = time.monotonic() + 2.0
    while seen.living() and time.monotonic() < until:
        time.sleep(0.01)
    return seen.living()


def numbers(root: Path) -> pd.DataFrame:
    """Without what clocks and the system say."""
    table = pd.read_parquet(root / "results.parquet")
    return table[~table["metric"].str.startswith("cost")].reset_index(drop=True)


def read(root: Path) -> list[int]:
    """Exit codes of the readers."""
    commands = (
        ["report", str(root), "--out", str(root.parent / "page.html")],
        ["audit", str(root)],
        ["compare", str(root), str(root)],
    )
    return [subprocess.run([*PROGRAM, *words], env=ENV, capture_output=True, check=False).returncode for words in commands]


def main(kills: int, seed: int) -> int:
    draw, counts = random.Random(seed), Counter[str]()
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "suite.yaml").write_text(SUITE)
        since = time.monotonic()
        assert started(folder, folder / "whole").wait() == 0, (folder / "log.txt").read_text()[-2000:]
        length, whole = time.monotonic() - since, numbers(folder / "whole")
        attempt = 0
        while kills > sum(counts[kind] for kind in (RUNNER, *KINDS)):
            attempt += 1
            code = one_run(folder, folder / f"run{attempt}", length, draw, counts)
            judge(code, folder / f"run{attempt}", whole, counts)
    print(", ".join(f"{kind}: {counts[kind]}" for kind in (RUNNER, *KINDS)), f"; {counts['ended']} runs ended: ", end="")
    print(
        f"{counts['equal']} tables equal, {counts['other']} not, {counts['exit 3']} times exit code 3, {counts['left']} left running"
    )
    return int(bool(counts["other"] or counts["exit 3"] or counts["left"]))


def one_run(folder: Path, root: Path, length: float, draw: random.Random, counts: Counter[str]) -> int:
    """Start, kill and start again until it ends. Its exit code."""
    while True:
        process, seen, struck = started(folder, root), Seen(), -1
        until = time.monotonic() + draw.uniform(0.05, length)
        while process.poll() is None:
            seen.look(process.pid)
            done = len(list(root.glob("trials/*/trial.json")))
            if done > struck and time.monotonic() > until:
                kind = draw.choice((RUNNER, *KINDS))
                if kill(process, seen, kind):
                    counts[kind] += 1
                    struck, until = done, time.monotonic() + draw.uniform(0.0, 1.0)  # a trial is tried again once
                    print(f"{root.name}: {kind} killed", flush=True)
            time.sleep(0.01)
        if found := left(seen):
            counts["left"] += len(found)
            print(f"{root.name}: left running: {found}")
        if process.returncode != -signal.SIGKILL:
            return process.returncode
        counts["exit 3"] += (read(root) if (root / "plan.json").exists() else []).count(3)


def judge(code: int, root: Path, whole: pd.DataFrame, counts: Counter[str]) -> None:
    counts["ended"] += 1
    counts["exit 3"] += code == 3
    same = code == 0 and numbers(root).equals(whole)
    counts["equal" if same else "other"] += 1
    print(f"{root.name} ended with {code}, its table is {'the same' if same else 'ANOTHER'}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in (sys.argv[1:] + ["40", "0"][len(sys.argv) - 1 :]))))
