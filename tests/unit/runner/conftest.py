"""Runs of fake trials: a written plan, the command of `fake_trial.py`, and a call that computes it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.keys import digest
from fpmg_bench.runner import Outcome, RunPlan, compute
from fpmg_bench.spec import Budget, Choice, TrialSpec
from fpmg_bench.store import Planned, RunDir, Versions, chosen, measure_preimage, stage1_preimage, trial_preimage
from fpmg_bench.suite import Limits, Suite

FAKE = Path(__file__).with_name("fake_trial.py")


def keyed(spec: TrialSpec) -> tuple[Planned, dict[str, Any]]:
    """A trial with keys of its specification alone."""
    versions = Versions({f"{kind}:{name}": "1" for kind, name in chosen(spec)}, {spec.dataset_name: "f"}, {"core": "c"})
    first, second = stage1_preimage(spec, versions), trial_preimage(spec, versions)
    third = measure_preimage(spec, versions, digest(second))
    preimages = {"stage1": first, "trial": second, "measure": third}
    return Planned(spec.id, digest(second), digest(first) if first else None, digest(third), spec), preimages


@pytest.fixture
def trial() -> Callable[..., TrialSpec]:
    """A specification; `wish` are the parameters of its dataset, which say what the fake trial does wrong."""

    def make(method: str = "fpmg", seed: int = 0, wish: dict[str, Any] | None = None, **changes: Any) -> TrialSpec:
        fields: dict[str, Any] = {
            "dataset": Choice("tiny", wish or {}),
            "dataset_name": "tiny",
            "method": method,
            "seed": seed,
            "partition": {"kind": "iid", "silos": 3},
            "encoders": {"labs": Choice("pca")},
            "generator": Choice("gan", {"name": method}),
            "topology": Choice("ring"),
            "aggregator": Choice("fedavg"),
            "budget": Budget(rounds=4),
            "metrics": (Choice("rg"),),
            "limit_seconds": 60.0,
        }
        return TrialSpec(**{**fields, **changes})

    return make


@pytest.fixture
def planned_run() -> Callable[..., tuple[RunPlan, RunDir]]:
    """Write the plan of these specifications into a folder."""

    def make(root: Path, *specs: TrialSpec, on_error: str = "continue") -> tuple[RunPlan, RunDir]:
        suite = Suite(1, "fakes", (0,), (), {}, (), {}, limits=Limits(60.0, on_error))  # type: ignore[arg-type]
        keys = [keyed(spec) for spec in specs]
        plan = RunPlan(
            suite=suite,
            trials=tuple(trial for trial, _ in keys),
            preimages={trial.key: images for trial, images in keys},
            selected=frozenset(trial.id for trial, _ in keys),
            refusals=(),
            skipped=(),
            cohorts={},
            components=[],
            command="fpmg-bench run fakes",
        )
        run = RunDir(root)
        plan.write(run)
        return plan, run

    return make


@pytest.fixture
def run_fakes(planned_run: Any) -> Callable[..., tuple[Outcome, RunDir, list[dict[str, Any]]]]:
    """Plan and compute these specifications; the outcome, the run directory, all events."""

    def make(
        root: Path, *specs: TrialSpec, jobs: int = 2, on_error: str = "continue"
    ) -> tuple[Outcome, RunDir, list[dict[str, Any]]]:
        plan, run = planned_run(root, *specs, on_error=on_error)
        events: list[dict[str, Any]] = []
        outcome = compute(plan, run, jobs, events.append, lambda t: [sys.executable, "-P", str(FAKE), str(root), t.key])
        return outcome, run, events

    return make
