"""What the README's test command promises: a hung test is named and ended, a bar that is missed is told and fails nothing unless asked."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HANGS = "import threading\n\ndef test_hangs():\n    threading.Event().wait()\n\ndef test_goes_on():\n    pass\n"
BENCH = "def test_slow(bar):\n    bar('seconds', 3, 2)\n    bar('times as fast', 3, 2, more=True)\n"


def pytest_on(folder, text, *words):
    (folder / "test_it.py").write_text(text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(folder),
        "-q",
        *words,
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("where", [("-n", "1"), ("-p", "no:xdist")], ids=["in a worker", "alone"])
def test_a_hung_test_fails_by_its_name_and_the_next_one_runs(tmp_path, where):
    code, printed = pytest_on(tmp_path, HANGS, *where, "--timeout=1")
    assert code == 1
    assert "test_it.py::test_hangs - Failed: Timeout" in printed
    assert "1 failed, 1 passed" in printed


@pytest.mark.parametrize(("asked", "code"), [((), 0), (("--fail-missed",), 1)])
def test_a_missed_bar_is_told_and_fails_only_who_asks(tmp_path, asked, code):
    shutil.copy(ROOT / "tests" / "bench" / "conftest.py", tmp_path)
    found, printed = pytest_on(tmp_path, BENCH, "-p", "no:xdist", *asked)
    lines = [line.split() for line in printed.splitlines()]
    assert found == code, printed
    assert ["slow", "seconds", "3", "<=", "2", "MISSED"] in lines
    assert ["slow", "times", "as", "fast", "3", ">=", "2", "met"] in lines
