"""What tests of several folders share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import forks
import pytest

from fpmg_bench import runner
from fpmg_bench.registry import Registry
from fpmg_bench.runner.one import build
from fpmg_bench.store import RunDir, TrialSink
from fpmg_bench.trial import run_trial

os.environ.setdefault("COLUMNS", "200")  # what is printed into a pipe is 80 wide, and tests look for whole lines
Install = Callable[..., None]
HEADER = "from fpmg_bench.hookspecs import Component, hookimpl\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """install(distribution, module, source, version="1.0", entry_point="main"): as pip would leave it, importable and listed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)

    def make(distribution: str, module: str, source: str, *, version: str = "1.0", entry_point: str = "main") -> None:
        assert module not in known, f"a module of the tests is called {module}: it would be imported instead"
        info = tmp_path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[fpmg_bench]\n{entry_point} = {module}\n")
        (tmp_path / f"{module}.py").write_text(HEADER + dedent(source))

    yield make  # type: ignore[misc]
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def program():
    """program(words) -> exit code and what was printed: the command line in this process, its trials in forks of it."""
    return forks.program


@pytest.fixture(scope="session")
def run_here(tmp_path_factory):
    """run_here(text of a suite) -> its run directory, beside which the suite.yaml lies, with every trial run in this process.

    There the same plan is calibrated once.
    """

    def run(text):
        folder = tmp_path_factory.mktemp("suite")
        (folder / "suite.yaml").write_text(text)
        registry = Registry.discover()
        runner.plan(folder / "suite.yaml", registry, out=folder / "out")
        place = RunDir(folder / "out")
        for trial in place.trials():
            run_trial(trial.spec, build(trial.spec, registry), TrialSink(place, trial, True, lambda event: None))
        return folder / "out"

    return run
