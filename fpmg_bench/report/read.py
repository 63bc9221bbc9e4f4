"""Reads a run directory as it lies on disk: plan, environment, trials, rounds and the long results table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.result_rows import ResultRow, result_rows
from fpmg_bench.run_table import rebuilt

if TYPE_CHECKING:
    from fpmg_bench.store import TrialRecord


@dataclass(frozen=True, slots=True)
class TrialFiles:
    """One trial of a run. status: "planned" where it has not ended, "damaged" where its files cannot be used, with the reason."""

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
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunFiles:
    """A run directory in memory. results: rows of results.parquet, without those of the `stale` trials, which are of earlier versions."""

    path: Path
    suite: str
    text: str
    plan: Mapping[str, Any]
    environment: Mapping[str, Any]
    trials: Sequence[TrialFiles]
    results: Sequence[ResultRow]
    stale: frozenset[str] = frozenset()


def read_run(path: Path) -> RunFiles:
    """Everything the report needs of one run; of a damaged trial its names and what is wrong. Raises StoreError for no run directory."""
    from fpmg_bench.store import STALE, RunDir, read_json

    run = RunDir(path)
    plan = run.plan()
    suite = str(plan["suite"])
    pairs = zip((run.record(trial) for trial in run.trials()), plan["trials"], strict=True)
    trials = tuple(_trial(suite, path / "trials" / record.trial.key, record, entry["spec"]) for record, entry in pairs)
    table = rebuilt(run)
    old = table["status"] == STALE
    rows: list[ResultRow] = [{**row, "suite": suite} for row in result_rows(table[~old])]
    environment = read_json(path / "environment.json") or {}
    return RunFiles(path, suite, _text(path / "suite.yaml"), plan, environment, trials, rows, frozenset(table.loc[old, "key"]))


def _trial(suite: str, folder: Path, found: TrialRecord, spec: Mapping[str, Any]) -> TrialFiles:
    planned = found.trial
    return TrialFiles(
        suite=suite,
        key=planned.key,
        id=planned.id,
        dataset=planned.spec.dataset_name,
        method=planned.spec.method,
        seed=planned.spec.seed,
        role=str(found.result["role"]) if found.result else planned.spec.role,
        status=found.status or "planned",
        folder=folder,
        spec=spec,
        record=found.result or {},
        rounds=found.rounds,
        ledger=found.ledger or {},
        reason=found.reason if found.status else "not run yet",
    )


def _text(path: Path) -> str:
    """suite.yaml, for show alone."""
    from fpmg_bench.store import Damaged
    from fpmg_bench.store.reading import LIMIT, read_bytes

    found = read_bytes(path, LIMIT)
    return found.decode(errors="replace") if isinstance(found, bytes) else f"# {found}" if isinstance(found, Damaged) else ""
