"""Step 9: every metric by itself. What is not applicable or failed is recorded with its reason, never as a silent NaN."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fpmg_bench.audit.finding import Reading
from fpmg_bench.errors import FpmgError, NotApplicable
from fpmg_bench.keys import rng_for
from fpmg_bench.types import Scale, Score

if TYPE_CHECKING:
    from fpmg_bench.audit.finding import Finding
    from fpmg_bench.contracts import Metric
    from fpmg_bench.evaluation import Measured
    from fpmg_bench.trial.parts import Sink


def measure(metrics: Mapping[str, Metric], evidence: Measured, seed: int, sink: Sink) -> list[dict[str, Any]]:
    """Rows for trial.json, metric by metric."""
    rows = []
    for name, metric in metrics.items():
        sink.event({"event": "stage", "name": f"measure:{name}", "total": 1})
        rows += scores_of(name, metric, evidence, seed)
    return rows


def audit_rows(found: Finding) -> list[dict[str, Any]]:
    """An audit's numbers as rows of the metric "audit"."""
    reading: Any = Reading
    return [_row("audit", reading, score, "ok", "") for score in found.scores()]


def scores_of(name: str, metric: Metric, evidence: Measured, seed: int) -> list[dict[str, Any]]:
    """One metric's rows: its scores, its gaps, or the reason why there are none."""
    before = len(evidence.gaps)
    try:
        view: Any = evidence
        found: Sequence[Score] = metric(view, rng_for(seed, "metric", name))
    except NotApplicable as missing:
        return [_row(name, metric, Score(name, math.nan), "not_applicable", missing.reason)]
    except FpmgError as error:
        return [_row(name, metric, Score(name, math.nan), "failed", str(error))]
    except Exception as error:  # noqa: BLE001 - a metric is a plug-in: whatever it raises is its own failure, and shown as such
        traceback.print_exc()
        return [_row(name, metric, Score(name, math.nan), "failed", f"{type(error).__name__}: {error}")]
    rows = [_checked(name, metric, score) for score in found]
    gaps = evidence.gaps[before:]
    missing_rows = [Score(name if gap.key == "*" else gap.key, math.nan, gap.scope, gap.modality) for gap in gaps]
    return rows + [_row(name, metric, s, "not_applicable", g.reason) for s, g in zip(missing_rows, gaps, strict=True)]


def _checked(name: str, metric: Metric, score: Score) -> dict[str, Any]:
    """A value outside the declared range, or NaN, is a failure of the metric."""
    scale = scale_of(name, metric, score.key)
    if math.isnan(score.value):
        return _row(name, metric, score, "failed", "the metric gave NaN without a reason")
    if not scale.low - 1e-9 <= score.value <= scale.high + 1e-9:
        return _row(name, metric, score, "failed", f"{score.value:.6g} is outside the declared range {scale.low}..{scale.high}")
    return _row(name, metric, score, "ok", "")


def full_key(metric: str, key: str) -> str:
    """A score named like its metric is written once, all others "<metric>.<score>"."""
    return key if key == metric or key.startswith(f"{metric}.") else f"{metric}.{key}"


def scale_of(name: str, metric: Metric, key: str) -> Scale:
    """How to read a score: the scale under its full key or its bare one."""
    short = key.removeprefix(f"{name}.")
    return metric.scales.get(key) or metric.scales.get(short) or Scale(math.nan, None)


def _row(name: str, metric: Metric, score: Score, status: str, reason: str) -> dict[str, Any]:
    scale = scale_of(name, metric, score.key)
    return asdict(score) | {
        "key": full_key(name, score.key),
        "metric": full_key(name, score.key),
        "value": score.value if status == "ok" else None,
        "status": status,
        "reason": reason,
        "family": metric.family,
        "higher_is_better": scale.higher_is_better,
        "best": None if math.isnan(scale.best) else scale.best,
        "lowest": scale.low if math.isfinite(scale.low) else None,
        "highest": scale.high if math.isfinite(scale.high) else None,
        "unit": scale.unit,
        "source": scale.source,
    }
