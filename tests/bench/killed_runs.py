"""Runs of a small suite that are killed (SIGKILL) at random moments, then run to their end: the tables must be those of a whole run.

python tests/bench/killed_runs.py [KILLS] [SEED]: kills the run, or one of its trials, 40 times; after each kill every reader reads
what is left. Prints a line a kill and the counts; exit code 1 where a table differs, or anything ended with exit code 3.
"""

from __future__ import annotations

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
import psutil

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
PROGRAM = [sys.executable, "-P", "-m", "fpmg_bench"]
ENV = {**os.environ, "FPMG_CHECKPOINT_SECONDS": "0"}


def started(folder: Path, root: Path) -> subprocess.Popen[bytes]:
    words = [*PROGRAM, "run", str(folder / "suite.yaml"), "--out", str(root), "--jobs", "2", "--no-report"]
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(words, env=ENV, stdout=log, stderr=log)


def kill(process: subprocess.Popen[bytes], draw: random.Random) -> str:
    """The whole program, as a power cut does; or one trial of it, as the system does when memory is short."""
    children = psutil.Process(process.pid).children()
    if children and draw.random() < 0.3:
        draw.choice(children).send_signal(signal.SIGKILL)
        process.wait()
        return "trial"
    for each in [process, *children]:
        os.kill(each.pid, signal.SIGKILL)
    process.wait()
    return "run"


def numbers(root: Path) -> pd.DataFrame:
    """Without what clocks say."""
    table = pd.read_parquet(root / "results.parquet")
    return table[~table["unit"].isin(["s", "seconds"])].reset_index(drop=True)


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
        attempt, done = 0, 0
        while done < kills:
            root = folder / f"run{attempt}"
            process = started(folder, root)
            try:
                code = process.wait(draw.uniform(0.05, length))
            except subprocess.TimeoutExpired:
                done += 1
                what = kill(process, draw)
                codes = read(root) if root.exists() else []
                counts[what] += 1
                counts["exit 3"] += codes.count(3)
                print(f"kill {done}: {what} in {root.name}, readers {codes}", flush=True)
                continue
            attempt += 1
            judge(code, root, whole, counts)
        judge(started(folder, root).wait(), root, whole, counts)
    print(f"{done} kills ({counts['run']} of the run, {counts['trial']} of a trial), {counts['ended']} runs ended: ", end="")
    print(f"{counts['equal']} tables equal, {counts['other']} not, {counts['exit 3']} times exit code 3")
    return int(bool(counts["other"] or counts["exit 3"]))


def judge(code: int, root: Path, whole: pd.DataFrame, counts: Counter[str]) -> None:
    counts["ended"] += 1
    counts["exit 3"] += code == 3
    same = code == 0 and numbers(root).equals(whole)
    counts["equal" if same else "other"] += 1
    print(f"{root.name} ended with {code}, its table is {'the same' if same else 'ANOTHER'}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in (sys.argv[1:] + ["40", "0"][len(sys.argv) - 1 :]))))
