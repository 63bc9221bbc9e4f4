"""CO's raw material: exact bytes of every stage, and what uploading the patients themselves would have cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.types import Cohort


def traffic(
    rounds: Sequence[Mapping[str, Any]], statistics: Mapping[str, Mapping[str, Any]], cohort: Cohort, train: Cohort, pooled: bool
) -> dict[str, Any]:
    """The "bytes" entry of trial.json. A pooled trial sends no weights: its traffic is the raw upload, once.

    path: hops besides the rounds' (see `federation.hops`): the most bytes that any node sends or receives in each.
    """
    stages = {stage: _stage([r for r in rounds if r["stage"] == stage], exchanged) for stage, exchanged in statistics.items()}
    upload = raw_upload(train, cohort, pooled)
    sent = sum(sum(s["rounds"]) + s["statistics"] + s["handover"] + s["keys"] for s in stages.values())
    uploading = [upload] if pooled and upload else []
    return {
        **stages,
        "total": upload if pooled else sent,
        "headers": sum(s["headers"] for s in stages.values()),
        "messages": sum(s["messages"] for s in stages.values()),
        "path": uploading,
        "hops": len(uploading) if pooled else sum(s["hops"] for s in stages.values()),
        "raw_upload": upload,
        "ratio_to_raw_upload": (upload if pooled else sent) / upload if upload else None,
    }


def _stage(rounds: Sequence[Mapping[str, Any]], exchanged: Mapping[str, Any]) -> dict[str, Any]:
    sent: dict[str, int] = {}
    for record in rounds:
        for node, count in record["sent"].items():
            sent[node] = sent.get(node, 0) + count
    closed = [record["closed_form"] for record in rounds]
    return {
        "rounds": [record["bytes"] for record in rounds],
        "per_silo": sent,
        "messages": sum(r["messages"] for r in rounds)
        + exchanged["messages"]
        + exchanged["handover_messages"]
        + exchanged["key_messages"],
        "headers": sum(record["headers"] for record in rounds),
        "statistics": exchanged["bytes"],
        "handover": exchanged["handover"],
        "keys": exchanged["keys"],
        "path": exchanged["path"],
        "hops": sum(len(record["path"]) for record in rounds) + len(exchanged["path"]),
        "closed_form": None if any(c is None for c in closed) else sum(closed),
    }


def raw_upload(train: Cohort, cohort: Cohort, pooled: bool) -> int:
    """Bytes of all training records but those of the first silo, once: tables 8 a number, series 4 a number seen and 4 a time

    point, text as UTF-8, pixels as they are. Where the trial pools them, the cohort's natural silos decide which is first;
    a cohort without silos uploads everything.
    """
    import numpy as np

    if pooled:
        rows = (
            np.flatnonzero(train.patient != -1)
            if not cohort.silo_names
            else np.flatnonzero(~np.isin(train.patient, _first(cohort)))
        )
    else:
        rows = np.flatnonzero(train.silo > 0)
    return sum(_size(part.take(rows[train.present[name][rows]])) for name, part in train.data.items())


def _first(cohort: Cohort) -> Any:
    """Patients of the first natural silo."""
    return cohort.patient[cohort.silo == 0]


def _size(data: Any) -> int:
    if hasattr(data, "frame"):
        return 8 * int(data.frame.size)
    if hasattr(data, "strings"):
        return sum(len(text.encode()) for text in data.strings)
    if hasattr(data, "seen"):
        return 4 * int(data.seen.sum()) + 4 * int(data.seen.any(-1).sum())
    return len(data) * int(data.take([0]).array().nbytes) if len(data) else 0  # pixels, all of one size
