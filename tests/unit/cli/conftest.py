"""A run directory as `run` leaves it, without running anything."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.spec import Budget, Choice, Privacy, TrialSpec
from fpmg_bench.store import Planned, RunDir


def _spec(method: str, seed: int, privacy: Mapping[str, float] | None) -> TrialSpec:
    return TrialSpec(
        Choice("phantom"), "phantom", method, seed, {"kind": "natural"}, {}, Choice("parallel-cgan"), Choice("ring"), Choice("fedavg"),
        Budget(), (Choice("rg"), Choice("tstr")), Privacy(**privacy) if privacy else None,
    )  # fmt: skip


def make(root: Path, values: Mapping[str, Sequence[float | None]], privacy: Mapping[str, float] | None = None) -> Path:
    """values: method -> tstr by seed; None: not measured, NaN: the trial failed."""
    planned = []
    for method, each in values.items():
        for seed, value in enumerate(each):
            trial = Planned(f"phantom/{method}/{seed}", f"{method}{seed}", None, "measure", _spec(method, seed, privacy))
            planned.append(trial)
            score = {"metric": "tstr", "key": "tstr", "value": value, "status": "ok", "higher_is_better": True}
            failed = value is not None and math.isnan(value)
            result = {"key": trial.key, "id": trial.id, "status": "ok", "reason": "", "where": "", "measure": "measure"}
            result |= {"status": "failed", "reason": "it diverged"} if failed else {}
            result |= {"scores": [] if failed or value is None else [score], "spec": trial.to_json()["spec"]}
            folder = root / "trials" / trial.key
            folder.mkdir(parents=True)
            (folder / "trial.json").write_text(json.dumps(result))
    plan = {"schema_version": 1, "suite": "made", "trials": [trial.to_json() for trial in planned], "refusals": [], "skipped": []}
    (root / "plan.json").write_text(json.dumps(plan))
    assert len(RunDir(root).trials()) == len(planned)
    return root


@pytest.fixture
def run_directory() -> Callable[..., Path]:
    return make


@pytest.fixture
def exit_code() -> Callable[..., Any]:
    from fpmg_bench.cli import main

    def run(*words: str | Path) -> int:
        with pytest.raises(SystemExit) as left:
            main(list(map(str, words)))
        return int(left.value.code or 0)

    return run
