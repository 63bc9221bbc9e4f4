"""How different the silos were: the partitions of a cohort's methods, as realised."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fpmg_bench.partition import words
from fpmg_bench.report.view import Group
from fpmg_bench.report.wording import as_float, count, number, percent


def skew_lines(group: Group) -> Iterator[str]:
    """One line for each partition that a finished trial in silos had; means over its seeds."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for method in group.trained:
        for trial in () if method.pooled else method.done:
            if trial.record.get("skew"):
                partition = method.spec.get("partition") or {"kind": "natural"}
                found.setdefault(json.dumps(partition, sort_keys=True), {}).setdefault(trial.seed, trial.record["skew"])
    for partition, by_seed in found.items():
        yield f"{words(json.loads(partition))}: {', '.join(_said(list(by_seed.values())))}"


def withheld_words(silo: str, skew: Mapping[str, Any]) -> str:
    """What a modality skew took from one silo: "image (40 records)"."""
    counts = {modality: by_silo[silo] for modality, by_silo in (skew.get("withheld") or {}).items() if silo in by_silo}
    return ", ".join(f"{modality} ({count(n)} records)" for modality, n in counts.items())


def _said(skews: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"labels {number(_mean(skews, 'js'))} (Jensen-Shannon)"
    yield f"sizes {number(_mean(skews, 'gini'))} (Gini)"
    if (features := _mean(skews, "features")) is not None:
        yield f"features {number(features)} (standardised difference; {number(_mean(skews, 'features_by_chance'))} by chance)"
    if (by := _mean(skews, "by")) is not None:
        yield f"the feature sorted by {number(by)} ({count(_mean(skews, 'without_feature'))} patients without it)"
    if absent := _mean(skews, "absent"):
        yield f"{percent(absent)} of silos' modalities absent"
    if left_out := _mean(skews, "left_out"):
        yield f"{count(left_out)} records left out with nothing left"


def _mean(skews: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [value for skew in skews if (value := as_float(skew.get(key))) is not None]
    return sum(values) / len(values) if values else None
