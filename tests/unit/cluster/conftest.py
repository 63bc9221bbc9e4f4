"""Planned trials of no component."""

import pytest

from fpmg_bench.keys import digest
from fpmg_bench.runner import RunPlan
from fpmg_bench.spec import Budget, Choice, TrialSpec
from fpmg_bench.store import Planned, RunDir
from fpmg_bench.suite import Limits, Suite


@pytest.fixture
def planned():
    """planned(seed, method, stage1) -> a trial whose key is its id's digest."""

    def make(seed=0, method="m", stage1=None, dataset="tiny"):
        spec = TrialSpec(
            Choice("phantom", {"of": dataset}), dataset, method, seed, {"kind": "iid", "silos": 3}, {}, None, None, None, Budget(), ()
        )  # fmt: skip
        return Planned(spec.id, digest(spec.id), stage1, "m" * 64, spec)

    return make


@pytest.fixture
def plan(tmp_path):
    """plan(trials) -> the plan, written, and its run directory."""

    def make(*trials, on_error="continue"):
        suite = Suite(1, "fakes", (0,), (), {}, (), {}, limits=Limits(60.0, on_error))
        made = RunPlan(
            suite,
            trials,
            {t.key: {"trial": {}, "measure": {}} for t in trials},
            frozenset(t.id for t in trials),
            (),
            (),
            {},
            [],
            "",
        )
        made.write(RunDir(tmp_path / "run"))
        return made, RunDir(tmp_path / "run")

    return make
