"""How long the rest takes, from trials that have finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from fpmg_bench.store import Planned, RunDir, read_json
from fpmg_bench.store.shapes import RESULT

Seconds = Mapping[tuple[str, str], Sequence[float]]


def seconds_by_method(run: RunDir) -> Seconds:
    """(dataset, method) -> total seconds of its finished trials."""
    found: dict[tuple[str, str], list[float]] = {}
    for path in sorted((run.root / "trials").glob("*/trial.json")):
        result = read_json(path, RESULT) or {}
        total = (result.get("seconds") or {}).get("total")
        if result.get("status") == "ok" and isinstance(total, (int, float)):
            found.setdefault((str(result.get("dataset")), str(result.get("method"))), []).append(float(total))
    return found


def expected(trial: Planned, seconds: Seconds) -> float | None:
    """Mean of the same cohort and method, else of the method, of the cohort, of all trials; None where nothing has finished."""
    dataset, method = trial.spec.dataset_name, trial.spec.method
    for same in (
        [t for key, times in seconds.items() if key == (dataset, method) for t in times],
        [t for key, times in seconds.items() if key[1] == method for t in times],
        [t for key, times in seconds.items() if key[0] == dataset for t in times],
        [t for times in seconds.values() for t in times],
    ):
        if same:
            return fmean(same)
    return None


def remaining(trials: Iterable[Planned], seconds: Seconds, jobs: int) -> float | None:
    """Seconds until these trials are done with this many at a time; at least the longest one."""
    times = [expected(trial, seconds) for trial in trials]
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return None
    return max(sum(known) / jobs, *known) if known else 0.0
