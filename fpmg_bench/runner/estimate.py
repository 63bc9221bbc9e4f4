"""How long the rest takes, from trials that have finished: stage 1, which trials share, apart from all else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from fpmg_bench.store import Planned, RunDir, read_json
from fpmg_bench.store.shapes import RESULT

SHARED = 0.5  # seconds below which a trial has only read the stage 1 of another


@dataclass(frozen=True, slots=True)
class Seconds:
    """What finished trials took, by cohort and method. stage1: of those that trained it; rest: all but that."""

    stage1: Mapping[tuple[str, str], list[float]] = field(default_factory=dict)
    rest: Mapping[tuple[str, str], list[float]] = field(default_factory=dict)


def seconds_by_method(run: RunDir) -> Seconds:
    """Of the finished trials in a run directory."""
    stage1: dict[tuple[str, str], list[float]] = {}
    rest: dict[tuple[str, str], list[float]] = {}
    for path in sorted((run.root / "trials").glob("*/trial.json")):
        result = read_json(path, RESULT) or {}
        seconds = result.get("seconds") or {}
        total, first = seconds.get("total"), seconds.get("stage1", 0.0)
        if result.get("status") != "ok" or not isinstance(total, (int, float)):
            continue
        name = (str(result.get("dataset")), str(result.get("method")))
        if first > SHARED:
            stage1.setdefault(name, []).append(float(first))
        rest.setdefault(name, []).append(float(total) - float(first))
    return Seconds(stage1, rest)


def expected(trial: Planned, seconds: Seconds) -> float | None:
    """All but stage 1; None where nothing has finished."""
    return _nearest(seconds.rest, trial)


def remaining(
    trials: Iterable[Planned], seconds: Seconds, jobs: int, ready: Callable[[str], bool] = lambda key: False
) -> float | None:
    """Seconds until these trials are done with this many at a time; at least the longest one. ready: whether a stage 1 is there."""
    times: list[float] = []
    begun: set[str] = set()
    for trial in trials:
        time = expected(trial, seconds)
        if time is None:
            return None
        if trial.stage1 is not None and trial.stage1 not in begun and not ready(trial.stage1):
            begun.add(trial.stage1)
            time += _nearest(seconds.stage1, trial) or 0.0
        times.append(time)
    return max(sum(times) / jobs, *times) if times else 0.0


def _nearest(found: Mapping[tuple[str, str], list[float]], trial: Planned) -> float | None:
    """Mean of the same cohort and method, else of the method, of the cohort, of all trials; None for none."""
    dataset, method = trial.spec.dataset_name, trial.spec.method
    for same in (
        found.get((dataset, method), []),
        [t for key, times in found.items() if key[1] == method for t in times],
        [t for key, times in found.items() if key[0] == dataset for t in times],
        [t for times in found.values() for t in times],
    ):
        if same:
            return fmean(same)
    return None
