"""One long results table: a row per trial, round, scope, modality and metric. Failures are rows with a reason, never gaps."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.result_rows import ResultRow
from fpmg_bench.store.atomic import write_bytes
from fpmg_bench.store.rounds import read_rounds
from fpmg_bench.store.rundir import SCHEMA_VERSION, RunDir
from fpmg_bench.store.specs import Planned

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from fpmg_bench.spec import Choice

DTYPES: Mapping[str, str] = {
    "schema_version": "int64", "suite": "object", "dataset": "object", "method": "object", "role": "object", "seed": "int64",
    "key": "object", "round": "int64", "scope": "object", "modality": "object", "metric": "object", "value": "float64",
    "low": "float64", "high": "float64", "n": "Int64", "floor": "float64", "status": "object", "reason": "object",
    "higher_is_better": "boolean", "best": "float64", "lowest": "float64", "highest": "float64", "unit": "object", "source": "object",
}  # fmt: skip
FINAL = -1


def collect(run: RunDir) -> pd.DataFrame:
    """The table of a run from its plan and its trials' files, without AMP, which needs several trials.

    status: ok | not_applicable | failed | timeout | skipped; round -1: after the last. Names come from the plan: a trial
    that a renamed method shares keeps its numbers.
    """
    plan = run.plan()
    rows = [row for trial in run.trials() for row in _trial_rows(run, plan["suite"], trial)]
    for kind in ("refusals", "skipped"):
        rows += [_unrun(plan["suite"], entry) for entry in plan.get(kind, ())]
    return frame(rows)


def frame(rows: Iterable[ResultRow]) -> pd.DataFrame:
    """Rows as a DataFrame with exactly the columns and types of results.parquet."""
    import pandas as pd

    table = pd.DataFrame.from_records(list(rows), columns=list(DTYPES))
    return table.astype(dict(DTYPES))


def write_table(path: Path, table: pd.DataFrame) -> None:
    """results.parquet, replaced as a whole."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    write_bytes(path, buffer.getvalue())


def read_table(path: Path) -> pd.DataFrame:
    """results.parquet with its types; columns that an older version did not write are empty."""
    import pandas as pd

    return pd.read_parquet(path).reindex(columns=list(DTYPES)).astype(dict(DTYPES))


def latest(run: RunDir) -> pd.DataFrame:
    """results.parquet; where it is missing, or a trial has finished since (a run that goes on), what the trials have so far."""
    if not run.results.is_file():
        return collect(run)
    table = read_table(run.results)
    reported = set(table.loc[table["status"].isin(["ok", "not_applicable"]), "key"])
    finished = {trial.key for trial in run.trials() if (run.result(trial.key) or {}).get("status") == "ok"}
    return table if finished <= reported else collect(run)


def metric_name(metric: str, score: str) -> str:
    """A score named like its metric is written once, others "<metric>.<score>"."""
    return metric if score == metric else f"{metric}.{score.removeprefix(f'{metric}.')}"


def _trial_rows(run: RunDir, suite: str, trial: Planned) -> Iterator[ResultRow]:
    found = run.result(trial.key)
    spec = trial.spec
    head = _empty(suite, spec.dataset_name, spec.method, spec.role, spec.seed, trial.key)
    if found is None:
        yield from _status_rows(head, spec.metrics, "skipped", "not run yet")
        return
    if found["status"] != "ok":
        yield from _status_rows(head, spec.metrics, found["status"], _reason(found))
    for record in read_rounds(run.trial(trial.key) / "rounds.jsonl"):
        for score in record.get("scores") or ():
            yield _score(head, score, record["round"])
    for score in found.get("scores") or ():
        yield _score(head, score, FINAL)


def _reason(found: Mapping[str, Any]) -> str:
    where = found.get("where")
    return f"{found['reason']} ({where})" if where else str(found["reason"])


def _status_rows(head: ResultRow, metrics: Iterable[Choice], status: str, reason: str) -> Iterator[ResultRow]:
    """One row a metric that should have been there."""
    for name in [choice.name for choice in metrics] or [""]:
        yield {**head, "metric": name, "status": status, "reason": reason}


def _score(head: ResultRow, score: Mapping[str, Any], round: int) -> ResultRow:
    at = score.get("round")
    return {
        **head,
        "round": round if at is None else at,
        "scope": score.get("scope") or "all",
        "modality": score.get("modality") or None,
        "metric": metric_name(score["metric"], score.get("key") or score["metric"]),
        "value": _float(score.get("value")),
        "low": _float(score.get("low")),
        "high": _float(score.get("high")),
        "n": score.get("n"),
        "floor": _float(score.get("floor")),
        "status": score.get("status") or "ok",
        "reason": score.get("reason") or "",
        "higher_is_better": score.get("higher_is_better"),
        "best": _float(score.get("best")),
        "lowest": _float(score.get("lowest")),
        "highest": _float(score.get("highest")),
        "unit": score.get("unit") or "",
        "source": score.get("source") or "",
    }


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _empty(suite: str, dataset: str, method: str, role: str, seed: int, key: str) -> ResultRow:
    """What a trial's rows have in common; without a number."""
    return {
        "schema_version": SCHEMA_VERSION, "suite": suite, "dataset": dataset, "method": method, "role": role, "seed": seed,
        "key": key, "round": FINAL, "scope": "all", "modality": None, "metric": "", "value": None, "low": None, "high": None,
        "n": None, "floor": None, "status": "skipped", "reason": "", "higher_is_better": None, "best": None, "lowest": None,
        "highest": None, "unit": None, "source": None,
    }  # fmt: skip


def _unrun(suite: str, entry: Mapping[str, Any]) -> ResultRow:
    """A refused or skipped trial, from its id dataset/method/seed."""
    dataset, _, rest = entry["id"].partition("/")
    method, _, seed = rest.rpartition("/") if rest.rpartition("/")[2].isdigit() else (rest, "", "-1")
    return {**_empty(suite, dataset, method, "method", int(seed), ""), "reason": entry["reason"]}
