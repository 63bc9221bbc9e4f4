"""Reads a run directory as it lies on disk: plan, environment, trials, rounds and the long results table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpmg_bench.errors import StoreError
from fpmg_bench.result_rows import ResultRow, result_rows


@dataclass(frozen=True, slots=True)
class TrialFiles:
    """One trial of a run. `status` is "planned" where nothing was written yet."""

    suite: str
    key: str
    id: str
    dataset: str
    method: str
    seed: int
    role: str
    status: str
    folder: Path
    spec: Mapping[str, Any]
    record: Mapping[str, Any] = field(default_factory=dict)
    rounds: Sequence[Mapping[str, Any]] = ()
    ledger: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why it is not ok, with the place where it stopped."""
        if self.status == "planned":
            return "not run yet"
        where, reason = str(self.record.get("where") or ""), str(self.record.get("reason") or "")
        return f"{reason} ({where})" if reason and where else reason or where


@dataclass(frozen=True, slots=True)
class RunFiles:
    """A run directory in memory. results: rows of results.parquet."""

    path: Path
    suite: str
    text: str
    plan: Mapping[str, Any]
    environment: Mapping[str, Any]
    trials: Sequence[TrialFiles]
    results: Sequence[ResultRow]


def read_run(path: Path) -> RunFiles:
    """Everything the report needs of one run. Raises StoreError where `path` is no run directory."""
    if not (path / "plan.json").is_file():
        raise StoreError(f"{path} is not a run directory: plan.json is missing", "fpmg-bench report runs/SUITE")
    plan = _json(path / "plan.json")
    suite = str(plan.get("suite") or path.name)
    trials = tuple(_trial(path, suite, entry) for entry in plan.get("trials", ()))
    text = (path / "suite.yaml").read_text(encoding="utf-8") if (path / "suite.yaml").is_file() else ""
    environment = _json(path / "environment.json") if (path / "environment.json").is_file() else {}
    return RunFiles(path, suite, text, plan, environment, trials, _results(path, suite))


def _trial(path: Path, suite: str, entry: Mapping[str, Any]) -> TrialFiles:
    folder = path / "trials" / str(entry["key"])
    spec = entry.get("spec") or {}
    record = _json(folder / "trial.json") if (folder / "trial.json").is_file() else {}
    dataset, method, seed = str(entry["id"]).rsplit("/", 2)
    return TrialFiles(
        suite=suite,
        key=str(entry["key"]),
        id=str(entry["id"]),
        dataset=dataset,
        method=method,
        seed=int(seed),
        role=str(record.get("role") or ("control" if spec.get("control") else "method")),
        status=str(record.get("status") or "planned"),
        folder=folder,
        spec=spec,
        record=record,
        rounds=_lines(folder / "rounds.jsonl"),
        ledger=_json(folder / "ledger.json") if (folder / "ledger.json").is_file() else {},
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreError(f"{path}: {error}", "run the suite again: an unreadable trial is redone") from error
    return dict(found)


def _lines(path: Path) -> tuple[dict[str, Any], ...]:
    """Whole JSON lines; a torn last line (a killed run) is left out, as the store does when it resumes."""
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").split("\n")
    return tuple(json.loads(line) for line in lines[:-1] if line.strip())


def _results(path: Path, suite: str) -> tuple[ResultRow, ...]:
    """Rows of results.parquet; of an unfinished run those of its trials so far."""
    from fpmg_bench.store import RunDir, latest

    return tuple({**row, "suite": suite} for row in result_rows(latest(RunDir(path))))
