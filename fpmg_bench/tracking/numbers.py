"""What trackers are told of a round and of a trial: numbers with names, and settings in words. No row, no text of a patient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import Any

LONGEST = 500  # characters of a setting: what MLflow takes
ROUND = {"after": "consensus_distance", "bytes": "bytes", "seconds": "seconds"}  # of rounds.jsonl: name there -> name here
COSTS = ("cpu_seconds", "peak_rss_bytes")


def of_round(record: Mapping[str, Any]) -> dict[str, float]:
    """A line of rounds.jsonl: the losses' means over silos, what the silos differ by, bytes, seconds, and scores where some were taken."""
    silos = list((record.get("losses") or {}).values())
    losses = {
        name: fmean(each[name] for each in silos if name in each) for name in dict.fromkeys(n for each in silos for n in each)
    }
    named = {here: record.get(there) for there, here in ROUND.items()}
    scores = dict(_scores(record.get("scores") or ()))
    return {f"{record['stage']}/{name}": float(value) for name, value in {**losses, **named, **scores}.items() if _finite(value)}


def of_result(result: Mapping[str, Any]) -> dict[str, float]:
    """trial.json: final scores of the whole release under the names of results.parquet, with their modality, and what the trial cost."""
    seconds = {f"seconds/{name}": value for name, value in (result.get("seconds") or {}).items()}
    costs = {f"cost/{name}": result.get(name) for name in COSTS} | {"cost/bytes": (result.get("bytes") or {}).get("total")}
    spent = {"epsilon": (result.get("privacy") or {}).get("epsilon")}
    found = {**dict(_scores(result.get("scores") or ())), **seconds, **costs, **spent}
    return {name: float(value) for name, value in found.items() if _finite(value)}


def parameters(result: Mapping[str, Any]) -> dict[str, str]:
    """The trial's specification, flat: "budget.rounds" -> "15"; with its status, and the reason where it is not ok."""
    head = {name: str(result[name]) for name in ("key", "status", "reason") if result.get(name)}
    return head | {name: text[:LONGEST] for name, text in _flat(result.get("spec") or {}) if text}


def _scores(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    from fpmg_bench.store.table import metric_name

    for row in rows:
        if row.get("status", "ok") == "ok" and (row.get("scope") or "all") == "all":
            name = metric_name(row["metric"], row.get("key") or row["metric"])
            yield (f"{name}/{row['modality']}" if row.get("modality") else name), row.get("value")


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _flat(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _flat(each, f"{at}.{name}" if at else str(name))
    elif value is not None:
        yield at, ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
