"""How long the rest takes: a stage 1 that trials share counts once, and not at all where it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.runner import remaining, seconds_by_method
from fpmg_bench.spec import TrialSpec
from fpmg_bench.store import Planned, RunDir

Trial = Callable[..., TrialSpec]


@pytest.fixture
def finished(trial: Trial, planned_run: Any, tmp_path: Path) -> tuple[RunDir, list[Planned]]:
    """Seed 0 of two methods has finished: the first trained encoders for 10 s, both took 5 s besides; seed 1 is left."""
    _, run = planned_run(tmp_path, *(trial(method, seed) for seed in (0, 1) for method in ("a", "b")))
    done, left = run.trials()[:2], run.trials()[2:]
    for planned, first in zip(done, (10.0, 0.01), strict=True):
        names = {"dataset": planned.spec.dataset_name, "method": planned.spec.method, "spec": asdict(planned.spec)}
        run.write_result(planned, {**names, "seconds": {"stage1": first, "total": first + 5.0}})
    return run, left


def test_a_shared_stage_1_counts_once(finished: tuple[RunDir, list[Planned]]) -> None:
    run, left = finished
    assert left[0].stage1 == left[1].stage1
    assert remaining(left, seconds_by_method(run), 1) == pytest.approx(20.0)


def test_one_that_is_there_counts_not_at_all(finished: tuple[RunDir, list[Planned]]) -> None:
    run, left = finished
    assert remaining(left, seconds_by_method(run), 1, lambda key: True) == pytest.approx(10.0)


def test_nothing_is_shorter_than_its_longest_trial(finished: tuple[RunDir, list[Planned]]) -> None:
    run, left = finished
    assert remaining(left, seconds_by_method(run), 8) == pytest.approx(15.0)


def test_other_encoders_are_taken_for_those_of_the_same_cohort(finished: tuple[RunDir, list[Planned]]) -> None:
    run, (first, _) = finished
    other = replace(first, stage1="f" * 64, spec=replace(first.spec, encoders={}))
    assert remaining([other], seconds_by_method(run), 1) == pytest.approx(15.0)


def test_without_a_finished_trial_nobody_knows(trial: Trial, planned_run: Any, tmp_path: Path) -> None:
    _, run = planned_run(tmp_path, trial())
    assert remaining(run.trials(), seconds_by_method(run), 1) is None
