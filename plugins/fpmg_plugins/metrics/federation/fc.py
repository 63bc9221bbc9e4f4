"""FC, federated consistency: do the silos end with the same model, and with the same patients drawn from it?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.federation.functional_consistency import consistency, mean_gap, row_gap
from fpmg_plugins.metrics.real_side import real_side

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Rng

STAGE1 = "stage1:"


class Fc:
    """Federated consistency, from the round records and from what the silos release.

    `fc` = Xi / |xbar| after the generator's last round, Xi = sqrt(mean_i |x_i - xbar|^2) (Kong et al., ICML 2021), xbar the mean
    that mixing keeps; range [0, inf), ideal 0. By silo (scope silo:NAME): |x_i - xbar| / |xbar|; by modality: the generator's
    modules of that modality; by module (scope module:NAME). `fc.encoder`: the same of each modality's encoder after its own last
    round. `fc.consensus`: Xi itself. `fc.variance_ratio` = mean over rounds of 1 - V_after / V_before: share of the spread that
    merging removes; ideal 1.
    All silos draw from the same noise for the same conditions, so records can be compared one by one. `fc.draws`: mean distance
    in phi of the records that two silos drew from the same noise, over that of two records that one silo drew from different
    noise for the same label; 0: the generators are the same function, 1: as different as fresh noise; mean over pairs of silos,
    by silo, by modality. `fc.rows`: that distance itself. `fc.functional`: mean over pairs of the distance between their
    releases' means in phi, where 1 is the mean distance of two real patients in one modality; ideal 0; floor: R1 against R2.
    Needs two silos. Pitfall: learning-rate decay and dead generators shrink weights' spread too; a release that ignores its
    noise has no `fc.draws`.
    """

    family: ClassVar[str] = "FC"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "fc": Scale(0.0, False, low=0.0, unit="ratio", source="relative consensus distance, Kong et al. 2021"),
        "fc.encoder": Scale(0.0, False, low=0.0, unit="ratio", source="relative consensus distance, Kong et al. 2021"),
        "fc.consensus": Scale(0.0, False, low=0.0, unit="weights", source="consensus distance, Kong et al. 2021"),
        "fc.variance_ratio": Scale(1.0, True, high=1.0, unit="share", source="1 - V_after / V_before, mean over rounds"),
        "fc.draws": Scale(0.0, False, low=0.0, unit="ratio", source="same noise in two silos over other noise in one"),
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
        scores = [*self._weights(evidence), *_parts(evidence), *self._functional(evidence)]
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
            pairs = [mean_gap(evidence, a, b) for a, b in combinations(releases, 2)]
            floor = real_side(self, evidence, lambda: mean_gap(evidence, evidence.r1, evidence.r2), "floor")
            scores = [Score("fc.functional", float(np.mean(pairs)), floor=floor, n=len(pairs))]
        except NotApplicable as error:
            evidence.not_applicable("fc.functional", error.reason)
            scores = []
        if not all(np.array_equal(a.condition, releases[0].condition, equal_nan=True) for a in releases):
            for key in ("fc.rows", "fc.draws"):
                evidence.not_applicable(key, "silos drew for different labels")
            return scores
        rows = [gap for a, b in combinations(releases, 2) if (gap := row_gap(evidence, a, b)) is not None]
        scores += [Score("fc.rows", float(np.mean(rows)), n=len(rows))] if rows else []
        return [*scores, *consistency(evidence)]


def _parts(evidence: Evidence) -> Iterator[Score]:
    """Weights after the last round of each stage: by silo, by modality, by module."""
    last = {str(record.get("stage")): record for record in evidence.rounds}
    for silo, value in last.get("stage2", {}).get("silos", {}).items():
        if value is not None:
            yield Score("fc", float(value), f"silo:{evidence.silo_names[int(silo)]}")
    modules = last.get("stage2", {}).get("modules", {})
    for modality in evidence.train.schemas:
        mine = [entry for module, entry in modules.items() if modality in module.split(".")]
        value = _together(mine)
        if value is not None:
            yield Score("fc", value, modality=modality, n=len(mine))
        encoder = _number(last.get(STAGE1 + modality, {}).get("relative"))
        if encoder is not None:
            yield Score("fc.encoder", encoder, modality=modality)
    for module, entry in modules.items():
        value = _number(entry.get("relative"))
        if value is not None:
            yield Score("fc", value, f"module:{module}")


def _together(modules: Sequence[Mapping[str, Any]]) -> float | None:
    """Relative distance of several modules as one vector; None where there are none, or their mean is 0."""
    norm = sum(float(entry["norm"]) ** 2 for entry in modules)
    return math.sqrt(sum(float(entry["after"]) ** 2 for entry in modules) / norm) if norm > 0 else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
