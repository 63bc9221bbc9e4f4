"""Step 9: every metric by itself. What is not applicable or failed is recorded with its reason, never as a silent NaN."""

from __future__ import annotations

import math
import traceback
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fpmg_bench.audit.finding import Reading
from fpmg_bench.errors import FpmgError, NotApplicable
from fpmg_bench.evaluation.answers import declared, read, said, sound
from fpmg_bench.keys import rng_for
from fpmg_bench.types import Scale, Score

if TYPE_CHECKING:
    from fpmg_bench.audit.finding import Finding
    from fpmg_bench.contracts import Metric
    from fpmg_bench.evaluation import Measured
    from fpmg_bench.trial.parts import Sink

UNKNOWN = Scale(math.nan, None)


def measure(metrics: Mapping[str, Metric], evidence: Measured, seed: int, sink: Sink) -> list[dict[str, Any]]:
    """Rows for trial.json, metric by metric. Each metric's are on disk before the next begins; what is there is not measured again."""
    rows: list[dict[str, Any]] = []
    for name, metric in metrics.items():
        if name not in sink.scores:
            sink.event({"event": "stage", "name": f"measure:{name}", "total": 1})
            ended = sink.ended.get(name)
            sink.keep_scores(name, [_failed(name, metric, *ended)] if ended else scores_of(name, metric, evidence, seed))
        rows += sink.scores[name]
    return rows


def inapplicable(metrics: Mapping[str, Metric], reason: str, sink: Sink, families: Collection[str] | None = None) -> None:
    """Metrics of these families, or all, have no meaning for the trial: their rows say so, and `measure` passes them over."""
    for name, metric in metrics.items():
        if (families is None or str(getattr(metric, "family", "")) in families) and name not in sink.scores:
            sink.keep_scores(name, [_row(name, metric, Score(name, math.nan), "not_applicable", reason)])


def audit_rows(found: Finding) -> list[dict[str, Any]]:
    """An audit's numbers as rows of the metric "audit"."""
    reading: Any = Reading
    return [_row("audit", reading, score, "ok", "") for score in found.scores()]


def scores_of(name: str, metric: Metric, evidence: Measured, seed: int) -> list[dict[str, Any]]:
    """One metric's rows: its scores, its gaps, or the reason why there are none. Nothing that it does reaches another metric."""
    evidence.gaps.clear()
    before = evidence.computed
    rows = _guarded(name, metric, evidence, seed)
    written = evidence.put_back(before)
    if written:
        return [
            _failed(name, metric, "failed", f"it wrote into what it was given: {', '.join(written)} (copy before you change)")
        ]
    return rows


def _guarded(name: str, metric: Metric, evidence: Measured, seed: int) -> list[dict[str, Any]]:
    view: Any = evidence
    try:
        declared(metric)
        rows = [_checked(name, metric, score) for score in read(metric(view, rng_for(seed, "metric", name)))]
        gaps = [Score(name if gap.key == "*" else gap.key, math.nan, gap.scope, gap.modality) for gap in evidence.gaps]
        reasons = [str(gap.reason) for gap in evidence.gaps]
        return rows + [_row(name, metric, score, "not_applicable", why) for score, why in zip(read(gaps), reasons, strict=True)]
    except NotApplicable as missing:
        return [_row(name, metric, Score(name, math.nan), "not_applicable", str(missing.reason))]
    except FpmgError as error:
        return [_failed(name, metric, "failed", str(error))]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a metric is a plug-in: whatever it raises is its own failure, and shown as such
        traceback.print_exc()
        return [_failed(name, metric, "failed", "".join(traceback.format_exception_only(error)).strip())]


def _failed(name: str, metric: Metric, status: str, reason: str) -> dict[str, Any]:
    """A whole metric's failure. status: failed or timeout."""
    return _row(name, metric, Score(name, math.nan), status, reason)


def _checked(name: str, metric: Metric, score: Score) -> dict[str, Any]:
    """An undeclared score, a value outside the declared range, or NaN, is a failure of the metric."""
    scale = scale_of(name, metric, score.key)
    if scale is None:
        return _row(name, metric, score, "failed", f"score '{score.key}' is not in the metric's scales")
    if math.isnan(score.value):
        return _row(name, metric, score, "failed", "the metric gave NaN without a reason")
    if not scale.low - 1e-9 <= score.value <= scale.high + 1e-9:
        return _row(name, metric, score, "failed", f"{score.value:.6g} is outside the declared range {scale.low}..{scale.high}")
    return _row(name, metric, score, "ok", "")


def full_key(metric: str, key: str) -> str:
    """A score named like its metric is written once, all others "<metric>.<score>"."""
    return key if key == metric or key.startswith(f"{metric}.") else f"{metric}.{key}"


def scale_of(name: str, metric: Metric, key: str) -> Scale | None:
    """How to read a score: the scale under its full key or its bare one; None where it is not declared."""
    scales = getattr(metric, "scales", None)
    if not isinstance(scales, Mapping):
        return None
    found = scales.get(key) or scales.get(key.removeprefix(f"{name}."))
    return found if sound(found) else None


def _row(name: str, metric: Metric, score: Score, status: str, reason: str) -> dict[str, Any]:
    scale = scale_of(name, metric, score.key) or UNKNOWN
    return asdict(score) | {
        "key": full_key(name, score.key),
        "metric": full_key(name, score.key),
        "value": score.value if status == "ok" else None,
        "status": status,
        "reason": said(reason),
        "family": str(getattr(metric, "family", "")),
        "higher_is_better": scale.higher_is_better,
        "best": None if math.isnan(scale.best) else scale.best,
        "lowest": scale.low if math.isfinite(scale.low) else None,
        "highest": scale.high if math.isfinite(scale.high) else None,
        "unit": scale.unit,
        "source": "; ".join(filter(None, (scale.source, score.source))),
    }
