"""Every merging rule at 16 models of 5 million parameters: below 2 seconds on one core and 1.5 GiB, models included."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("merging.py")


def test_every_rule_merges_in_time_and_memory(benchmark):
    def run():
        done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    found = benchmark.pedantic(run, rounds=1)
    benchmark.extra_info |= found
    assert len(found["seconds"]) >= 12
    assert max(found["seconds"].values()) < 2, found["seconds"]
    assert found["peak"] < 1.5 * 2**30


pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")
