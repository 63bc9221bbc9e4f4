"""RG, reality gap: how far released records are from real patients that nobody trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import OWN_SPACE, Scale, Score
from fpmg_plugins.metrics.distances import placed, ratio, real_distance, some
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

POSTER = "FPMG poster: Euclidean distance to a first subset of real data, divided by its real-against-real floor"


class Rg:
    """Reality gap. S: released records; R1, R2: halves of the held-out patients; nn(A -> B): mean distance to the nearest b.

    `rg` = nn(S -> R1) / nn(R2 -> R1) in phi, jointly and for each modality. Range [0, inf), ideal 1; above: less real; below:
    under-dispersed. Floor: the training patients in the place of S. Interval: bootstrap over patients.
    `rg.copy_ratio` = nn(T' -> S) / nn(H -> S), T' of the size of H; ideal 1; 0: the training rows themselves.
    `rg.phi8` = rg in phi_8, to see whether the space decides who is first.
    `rg.latent` = rg in the method's own latent space, as on the poster: not comparable between encoders.
    Needs 10 records each in S, R1, R2. Pitfalls: blind to copying of training rows (1.0), so read `rg.copy_ratio` and PG
    beside it; a collapsed generator scores below 1, which is no praise.
    """

    family: ClassVar[str] = "RG"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "rg": Scale(1.0, None, low=0.0, unit="ratio", source=POSTER),
        "rg.floor": Scale(1.0, None, low=0.0, unit="ratio", source="training patients in the place of the release"),
        "rg.copy_ratio": Scale(1.0, None, low=0.0, unit="ratio", source="nn(T' -> S) / nn(H -> S)"),
        "rg.phi8": Scale(1.0, None, low=0.0, unit="ratio", source=POSTER + ", in 8 principal components"),
        "rg.latent": Scale(1.0, None, low=0.0, unit="ratio", source=f"{POSTER}; {OWN_SPACE}"),
    }

    def __init__(self, resamples: Annotated[int, Ge(20)] = 200) -> None:
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """`rg` jointly and by modality, then copying and the latent space."""
        if not evidence.released:
            raise NotApplicable("nothing was released")
        seed = fresh_seed(rng)
        scores: list[Score] = []
        for modality in (None, *evidence.train.schemas):
            scores += self._with_floor(evidence, modality, seed)
        scores += self._principal(evidence, seed)
        scores += self._copying(evidence, seed)
        scores += self._latent(evidence)
        if not scores:
            raise NotApplicable("rg has no meaning for any modality of this cohort")
        return scores

    def _with_floor(self, evidence: Evidence, modality: str | None, seed: int) -> list[Score]:
        try:
            floor = real_side(self, evidence, lambda: self._rg(evidence, modality, seed, evidence.train)[0], modality, seed)
            found = evidence.each_release(partial(self._rg, evidence, modality, seed), modality=modality, floor=floor.value)
        except NotApplicable as error:
            evidence.not_applicable("rg", error.reason, modality=modality)
            return []
        return [*found, replace(floor, key="rg.floor", modality=modality)]

    def _principal(self, evidence: Evidence, seed: int) -> list[Score]:
        """In phi_8, without a floor of its own: only the order of methods is read from it."""
        try:
            return evidence.each_release(partial(self._rg, evidence, None, seed, key="rg.phi8"))
        except NotApplicable as error:
            evidence.not_applicable("rg.phi8", error.reason)
            return []

    def _copying(self, evidence: Evidence, seed: int) -> list[Score]:
        try:
            floor = real_side(self, evidence, lambda: self._copy_floor(evidence, seed), "copy", seed)
            return evidence.each_release(partial(self._copy_ratio, evidence, seed), floor=floor)
        except NotApplicable as error:
            evidence.not_applicable("rg.copy_ratio", error.reason)
            return []

    def _rg(self, evidence: Evidence, modality: str | None, seed: int, release: Cohort, key: str = "rg") -> list[Score]:
        eight = key == "rg.phi8"
        s, r1, r2 = (placed(evidence, part, modality, principal=eight) for part in (release, evidence.r1, evidence.r2))
        floor = real_distance(evidence, r2.x, r1.x)
        distance = evidence.nn(s.x, r1.x)
        people = s.patient if release is evidence.train else np.arange(len(s))
        return [ratio(evidence, key, (distance, people), (floor, r2.patient), self.resamples, seed, len(s))]

    def _copy_ratio(self, evidence: Evidence, seed: int, release: Cohort) -> list[Score]:
        s, train, held_out = (placed(evidence, part) for part in (release, evidence.train, evidence.held_out))
        outside = real_distance(evidence, held_out.x, s.x)
        rows = some(len(train), len(held_out), np.random.default_rng(seed))
        inside = evidence.nn(train.x[rows], s.x)
        people = train.patient[rows]
        return [ratio(evidence, "rg.copy_ratio", (inside, people), (outside, held_out.patient), self.resamples, seed, len(rows))]

    def _copy_floor(self, evidence: Evidence, seed: int) -> float:
        """The same ratio with real patients that nobody trained on released: R2 in the place of S, R1 in the place of H."""
        train, r1, r2 = (placed(evidence, part) for part in (evidence.train, evidence.r1, evidence.r2))
        inside = evidence.nn(train.x[some(len(train), len(r1), np.random.default_rng(seed))], r2.x)
        return float(inside.mean() / real_distance(evidence, r1.x, r2.x).mean())

    def _latent(self, evidence: Evidence) -> list[Score]:
        """Mean over silos, each in its own latent space."""
        values = []
        try:
            for silo, release in evidence.released.items():
                s, r1, r2 = (evidence.latent(part, silo) for part in (release, evidence.r1, evidence.r2))
                values.append(float(evidence.nn(s, r1).mean() / real_distance(evidence, r2, r1).mean()))
        except NotApplicable as error:
            evidence.not_applicable("rg.latent", error.reason)
            return []
        return [Score("rg.latent", float(np.mean(values)), floor=1.0)]
