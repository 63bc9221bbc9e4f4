"""One long results table: a row per trial, round, scope, modality and metric. Failures are rows with a reason, never gaps."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.result_rows import ResultRow
from fpmg_bench.store.atomic import write_bytes
from fpmg_bench.store.reading import Damaged
from fpmg_bench.store.records import TrialRecord
from fpmg_bench.store.rundir import SCHEMA_VERSION, RunDir

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
STALE = "stale"


def collect(run: RunDir) -> pd.DataFrame:
    """The table of a run from its plan and its trials' files, without AMP, which needs several trials.

    status: ok | not_applicable | failed | timeout | damaged | skipped | stale; round -1: after the last. Names come from the plan: a
    trial that a renamed method shares keeps its numbers.
    """
    plan = run.plan()
    rows = [row for trial in run.trials() for row in _trial_rows(plan["suite"], run.record(trial))]
    rows += [row for trial in run.former() for row in _stale(_trial_rows(plan["suite"], run.record(trial)))]
    for kind in ("refusals", "skipped"):
        rows += [_unrun(plan["suite"], entry) for entry in plan.get(kind, ())]
    return frame(rows)


def frame(rows: Iterable[ResultRow]) -> pd.DataFrame:
    """Rows as a DataFrame with exactly the columns and types of results.parquet."""
    import pandas as pd

    table = pd.DataFrame.from_records(list(rows), columns=list(DTYPES))
    return table.astype(dict(DTYPES))


def write_table(path: Path, table: pd.DataFrame) -> None:
    """results.parquet, replaced as a whole; its pages carry checksums."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, engine="pyarrow", index=False, write_page_checksum=True)
    write_bytes(path, buffer.getvalue())


def read_table(path: Path) -> pd.DataFrame | Damaged:
    """results.parquet with its types; columns that an older version did not write are empty."""
    import pandas as pd

    try:
        table = pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
        return table.reindex(columns=list(DTYPES)).astype(dict(DTYPES))
    except (ValueError, TypeError, KeyError, OSError) as error:  # of these kinds are pyarrow's own
        return Damaged(path, f"cannot be read: {str(error).splitlines()[0]}")


def metric_name(metric: str, score: str) -> str:
    """A score named like its metric is written once, others "<metric>.<score>"."""
    return metric if score == metric else f"{metric}.{score.removeprefix(f'{metric}.')}"


def _trial_rows(suite: str, found: TrialRecord) -> Iterator[ResultRow]:
    trial, spec = found.trial, found.trial.spec
    head = _empty(suite, spec.dataset_name, spec.method, spec.role, spec.seed, trial.key)
    if found.result is None:
        yield from _status_rows(head, spec.metrics, found.status or "skipped", found.reason or "not run yet")
        return
    if found.status != "ok":
        known = {score["metric"] for score in found.result["scores"]}
        lost = [choice for choice in spec.metrics if not _measured(choice.name, known)]
        yield from _status_rows(head, lost, found.status, found.reason) if lost or not spec.metrics else ()
    for record in found.rounds:
        for score in record.get("scores") or ():
            yield _score(head, score, record["round"])
    for score in found.result["scores"]:
        yield _score(head, score, FINAL)


def _stale(rows: Iterable[ResultRow]) -> Iterator[ResultRow]:
    """Numbers of an earlier version of the program, a plug-in or the suite: to be read, never to be compared."""
    for row in rows:
        if row["status"] == "ok":
            yield {**row, "status": STALE, "reason": "of an earlier version: the trial or its metrics have another key now"}


def _measured(metric: str, scores: Iterable[str]) -> bool:
    """Is any of these full keys of scores the metric's?"""
    return any(score == metric or score.startswith(f"{metric}.") for score in scores)


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
