"""What an answer costs before anything is computed: processor seconds and memory of whole commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[2] / "suites" / "smoke.yaml"
SLIPS = {
    "no_such_suite": ("run", "nosuch", "", ""),
    "unknown_component": ("run", "s.yaml", "centered-clipping", "centred-clipping"),
    "wrong_parameter": ("plan", "s.yaml", "generator: parallel-cgan", "generator: {name: parallel-cgan, lr: x}"),
}
COST = """
import json, resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "fpmg_bench", *sys.argv[1:]], stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_answered_at_once(tmp_path, measuring, bar, slip):
    command, suite, old, new = SLIPS[slip]
    (tmp_path / "s.yaml").write_text(SUITE.read_text().replace(old, new) if old else "")
    done = subprocess.run([sys.executable, "-c", COST, command, suite], capture_output=True, text=True, check=True, cwd=tmp_path)
    code, seconds, mib = json.loads(done.stdout)
    assert code in (2, 4)
    if measuring:
        bar("CPU seconds", seconds, 0.5)
        bar("MiB", mib, 100)
