"""A process that has loaded a cohort can be forked: no thread but its own is alive."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.cohorts.folder import write
from fpmg_bench.registry import Registry

REPOSITORY = Path(__file__).parents[3]
KINDS = [entry.name for entry in Registry.discover(disabled=()).entries("dataset") if entry.distribution == "fpmg-bench"]
QUIET = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # of pyarrow's allocator, from the moment that pandas is imported
}
LOADED = """
import os, sys
from fpmg_bench.errors import DatasetError
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice
kind, root = sys.argv[1:]
try:
    dataset = Registry.discover().build("dataset", Choice(kind, {"root": root} if root else {}))
    cohort = dataset.load()
except DatasetError as error:
    sys.exit(f"missing: {error}")
for data in cohort.take(range(2)).data.values():
    data.array() if hasattr(data, "array") else len(data)
dataset.fingerprint()
print(len(cohort), [open(f"/proc/self/task/{thread}/comm").read() for thread in os.listdir("/proc/self/task")][1:])
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")


def _threads(kind: str, root: Path | None = None) -> str:
    data = os.environ.get("FPMG_DATA") or str(REPOSITORY.parent / "shared" / "data")
    done = subprocess.run(
        [sys.executable, "-c", LOADED, kind, str(root or "")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **QUIET, "FPMG_DATA": data},
    )
    if done.stderr.startswith("missing: "):
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().partition(" ")[2]


@needs_proc
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"folder"}))
def test_a_shipped_cohort_leaves_no_thread(kind: str) -> None:
    assert _threads(kind) == "[]"


@needs_proc
def test_a_folder_of_parquet_and_media_leaves_no_thread(tmp_path: Path) -> None:
    write(Phantom(patients=40).load(), tmp_path / "cohort", "CC0-1.0", True)
    assert list((tmp_path / "cohort").glob("*.parquet"))
    assert _threads("folder", tmp_path / "cohort") == "[]"
