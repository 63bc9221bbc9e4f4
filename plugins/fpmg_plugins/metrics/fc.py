"""FC, federated consistency: do the silos end with the same model, and with the same patients drawn from it?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng


class Fc:
    """Federated consistency, from the round records of the last stage and from what the silos release.

    `fc` = Xi / |xbar| after the last round, Xi = sqrt(mean_i |x_i - xbar|^2) (Kong et al., ICML 2021); range [0, inf), ideal
    0. `fc.consensus`: Xi itself. `fc.variance_ratio` = mean over rounds of 1 - V_after / V_before: share of the spread that
    merging removes; ideal 1. `fc.functional`: mean over pairs of silos of the distance between their releases' means in phi,
    where 1 is the mean distance of two real patients in one modality; ideal 0; floor: R1 against R2. `fc.rows`: mean distance
    of the records two silos drew from the same noise and labels.
    Needs two silos. Pitfall: learning-rate decay and dead generators shrink weights' spread too.
    """

    family: ClassVar[str] = "FC"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "fc": Scale(0.0, False, low=0.0, unit="ratio", source="relative consensus distance, Kong et al. 2021"),
        "fc.consensus": Scale(0.0, False, low=0.0, unit="weights", source="consensus distance, Kong et al. 2021"),
        "fc.variance_ratio": Scale(1.0, True, high=1.0, unit="share", source="1 - V_after / V_before, mean over rounds"),
        "fc.functional": Scale(0.0, False, low=0.0, unit="phi", source="distance between releases' means, mean over pairs"),
        "fc.rows": Scale(0.0, False, low=0.0, unit="phi", source="distance of records from the same noise and labels"),
    }

    def __init__(self) -> None:
        pass

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Consistency of the weights, then of the releases."""
        if not evidence.released:
            raise NotApplicable("nothing was released: the method ends after stage 1")
        if len(evidence.released) < 2:
            raise NotApplicable("one silo is always consistent with itself")
        scores = [*self._weights(evidence), *self._functional(evidence)]
        if not scores:
            raise NotApplicable("neither rounds nor complete releases to compare")
        return scores

    def _weights(self, evidence: Evidence) -> list[Score]:
        rounds = [record for record in evidence.rounds if record.get("stage") == "stage2"]
        if not rounds:
            evidence.not_applicable("fc", "no rounds: nothing was merged")
            return []
        scores = []
        for key, name in (("fc", "relative"), ("fc.consensus", "after")):
            value = _number(rounds[-1].get(name))
            if value is not None:
                scores.append(Score(key, value))
        ratios = [value for record in rounds if (value := _number(record.get("variance_ratio"))) is not None]
        if ratios:
            scores.append(Score("fc.variance_ratio", float(np.mean(ratios)), n=len(ratios)))
        else:
            evidence.not_applicable("fc.variance_ratio", "silos never differed before merging")
        return scores

    def _functional(self, evidence: Evidence) -> list[Score]:
        releases = list(evidence.released.values())
        try:
            pairs = [_gap(evidence, a, b) for a, b in combinations(releases, 2)]
            scores = [Score("fc.functional", float(np.mean(pairs)), floor=_gap(evidence, evidence.r1, evidence.r2), n=len(pairs))]
        except NotApplicable as error:
            evidence.not_applicable("fc.functional", error.reason)
            return []
        if all(np.array_equal(a.condition, releases[0].condition, equal_nan=True) for a in releases):
            rows = [gap for a, b in combinations(releases, 2) if (gap := _row_gap(evidence, a, b)) is not None]
            return [*scores, *([Score("fc.rows", float(np.mean(rows)), n=len(rows))] if rows else [])]
        evidence.not_applicable("fc.rows", "silos drew for different labels")
        return scores


def _gap(evidence: Evidence, a: Cohort, b: Cohort) -> float:
    """Distance between the means of two cohorts' complete records in phi; exactly 0 for one and the same."""
    return 0.0 if a is b else float(np.linalg.norm(_mean(evidence, a) - _mean(evidence, b)))


def _mean(evidence: Evidence, cohort: Cohort) -> NDArray[np.float64]:
    complete = evidence.complete(cohort)
    if not complete.any():
        raise NotApplicable("a cohort has no record with all modalities")
    mean: NDArray[np.float64] = evidence.phi(cohort)[complete].mean(0, dtype=np.float64)
    return mean


def _row_gap(evidence: Evidence, a: Cohort, b: Cohort) -> float | None:
    """Mean distance of the records that are complete in both; None where there is none."""
    if a is b:
        return 0.0
    both = evidence.complete(a) & evidence.complete(b)
    gap = evidence.phi(a)[both] - evidence.phi(b)[both]
    return float(np.sqrt((gap.astype(np.float64) ** 2).sum(1)).mean()) if both.any() else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
