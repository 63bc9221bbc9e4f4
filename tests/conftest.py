"""What tests of several folders share."""

import forks
import pytest

from fpmg_bench import runner
from fpmg_bench.registry import Registry
from fpmg_bench.runner.one import build
from fpmg_bench.store import RunDir, TrialSink
from fpmg_bench.trial import run_trial


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
