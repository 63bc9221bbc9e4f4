"""Two methods on a family of scores: better, worse, equivalent or undecided. Every verdict of this project comes from here."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fpmg_bench.errors import NotApplicable
from fpmg_bench.stats.intervals import interval
from fpmg_bench.stats.paired import corrected_t, detectable, holm, tost

Verdict = Literal["better", "worse", "different", "equivalent", "undecided", "not ranked"]
RATIO = 0.5  # held-out over training patients where no trial says: 30 % over 60 %
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Pairs:
    """Differences second - first of one score, one a shared seed; of its loss where it has a direction (`directed`).

    ratio: held-out over training patients, 0 where seeds share nobody; margin: within +- margin is equivalent in practice (None: never said).
    """

    differences: Sequence[float]
    ratio: float = RATIO
    margin: float | None = None
    directed: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """What may be said of the second method. mean, low, high: of the differences (95 %); p values adjusted over the family.

    detectable: the smallest true difference that this many seeds find with power .8; reason: why there is no verdict.
    """

    verdict: Verdict
    seeds: int
    mean: float
    low: float
    high: float
    p: float = math.nan
    p_equivalent: float = math.nan
    detectable: float = math.inf
    reason: str = ""


def judge(family: Sequence[Pairs], alpha: float = ALPHA) -> list[Judgement]:
    """A verdict for each, in order; differences and equivalences are each Holm-adjusted over the family.

    Differences: corrected resampled t-test (Nadeau & Bengio 2003; ratio 0: Student's), from 5 shared seeds on. Equivalence: two one-sided tests.
    A difference that is certain and certainly smaller than the margin is called equivalent: it matters to nobody.
    """
    raw = [_tested(pairs) for pairs in family]
    adjusted = zip(_adjusted([found.p for found in raw]), _adjusted([found.p_equivalent for found in raw]), strict=True)
    judged = [replace(found, p=p, p_equivalent=same) for found, (p, same) in zip(raw, adjusted, strict=True)]
    level = alpha / max(1, sum(not math.isnan(found.p) for found in raw))  # Holm's strictest step
    judged = [replace(found, detectable=_detectable(pairs, level)) for pairs, found in zip(family, judged, strict=True)]
    return [_verdict(pairs, found, alpha) for pairs, found in zip(family, judged, strict=True)]


def _detectable(pairs: Pairs, alpha: float) -> float:
    """At the level that the family leaves; inf where there is no spread to judge by."""
    values = list(pairs.differences)
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return math.inf
    return detectable(statistics.stdev(values), len(values), pairs.ratio, alpha)


def _adjusted(p: Sequence[float]) -> list[float]:
    """Holm over those that were tested; NaN stays."""
    tested = iter(holm([value for value in p if not math.isnan(value)]))
    return [value if math.isnan(value) else next(tested) for value in p]


def _tested(pairs: Pairs) -> Judgement:
    """Tested by itself, before any adjustment."""
    values = list(pairs.differences)
    if not all(map(math.isfinite, values)):
        return Judgement(
            "not ranked", len(values), math.nan, math.nan, math.nan, reason="not ranked: an infinite or missing value"
        )
    try:
        test = corrected_t(values, pairs.ratio)
    except NotApplicable as refused:
        return Judgement("not ranked", len(values), *interval(values), reason=refused.reason)
    same = tost(values, pairs.margin, pairs.ratio).p if pairs.margin else math.nan
    return Judgement("undecided", test.k, test.mean, test.low, test.high, test.p, same)


def _verdict(pairs: Pairs, found: Judgement, alpha: float) -> Judgement:
    if found.verdict == "not ranked":
        return found
    if found.p_equivalent < alpha:
        return replace(found, verdict="equivalent")
    if found.p < alpha:
        return replace(found, verdict=("better" if found.mean < 0 else "worse") if pairs.directed else "different")
    return found
