"""The same pairwise scores as prdc, synthcity and sdmetrics, in no more processor seconds; peers that are not installed are left out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")
SAME = {"prdc": 1e-3, "synthcity PRDCScore": 1e-3, "sdmetrics": 1e-12}  # a ball of ours holds its edge; of other definitions none


@pytest.mark.parametrize("rows", [10_000, 30_000])
def test_pairwise_metrics_beside_their_peers(benchmark, measuring, bar, rows):
    script = Path(__file__).with_name("pairwise.py")
    command = [sys.executable, str(script), str(rows if measuring else 400)]
    done = benchmark.pedantic(lambda: subprocess.run(command, capture_output=True, text=True, check=True), rounds=1)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):  # prdc prints what it is given
            found |= json.loads(line)
    assert "sdmetrics" in found
    for peer, of in found.items():
        assert of["apart"] <= SAME.get(peer, 1.0), peer
        ours, theirs = of["seconds"]
        bar(f"processor seconds, over those of {peer}", ours / theirs, 1)
