"""Two Dask workers against one, on a suite of eight scenes, in wall time: needs two cores that nobody else uses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed")
SCRIPT = Path(__file__).with_name("cluster_workers.py")


def test_two_workers(measuring, bar):
    words = ("8", "60", "1", "2") if measuring else ("1", "1", "1")
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert {each["ok"] for each in found.values()} == {int(words[0])}
    if measuring:
        load = max(each["load"] for each in found.values())
        bar(
            f"times as fast as one worker (load before {load:.1f})", found["1"]["seconds"] / found["2"]["seconds"], 1.8, more=True
        )
        bar("share of two workers' time in which they run a trial", found["2"]["busy"], 0.9, more=True)
