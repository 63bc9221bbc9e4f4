"""Distances that are often sold as privacy: shown as proxies, never as a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import placed
from fpmg_plugins.metrics.privacy.densities import nth_nearest
from fpmg_plugins.metrics.real_side import real_side

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng
    from fpmg_plugins.metrics.distances import Placed

LEAST = 50
DCR = "distance to the closest record (DCR); a proxy: Yao et al. 2025, The DCR Delusion, arXiv:2505.01524"


class Proxies:
    """Proxies of privacy in phi, for those who ask for them; no evidence of it, and never a headline. S: released records.

    `proxies.share`: share of S whose nearest real patient is a training patient rather than a held-out one, corrected for the
    numbers of both, so that nothing is sampled away: w = (closer to T) / |T|, v = (closer to H) / |H|, w / (w + v). Range [0, 1],
    ideal .5, 1: copies. `proxies.dcr` = median distance S -> T / median distance H -> T; ideal 1, 0: copies.
    `proxies.nndr`: 5th percentile over S of the distance to the nearest over that to the second nearest training record; [0, 1],
    ideal: its floor, 0: copies. Floors: R2 in the place of S, R1 of H (nndr: H in the place of S). Where few records have all
    modalities, each modality's block instead. Needs 50 records each.
    Pitfalls: all three are blind to what membership attacks find, so a good value proves nothing; patients with many records
    make T look close. No interval: released records are no patients.
    """

    family: ClassVar[str] = "PG"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "proxies.share": Scale(0.5, False, low=0.0, high=1.0, unit="share", source=DCR),
        "proxies.dcr": Scale(1.0, None, low=0.0, unit="ratio", source=DCR),
        "proxies.nndr": Scale(1.0, None, low=0.0, high=1.0, unit="ratio", source="nearest-neighbour distance ratio; a proxy"),
    }

    def __init__(self) -> None:
        pass

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Jointly, or in each modality where few records have them all."""
        try:
            return self._measured(evidence, None)
        except NotApplicable as error:
            evidence.not_applicable("proxies.share", error.reason)
        scores = []
        for modality in evidence.train.schemas:
            try:
                scores += self._measured(evidence, modality)
            except NotApplicable as error:
                evidence.not_applicable("proxies.share", error.reason, modality=modality)
        return scores

    def _measured(self, evidence: Evidence, modality: str | None) -> list[Score]:
        train, r1, r2, held_out = (
            placed(evidence, part, modality, least=LEAST)
            for part in (evidence.train, evidence.r1, evidence.r2, evidence.held_out)
        )
        floor = real_side(
            self,
            evidence,
            lambda: _proxies(evidence, train, r1, r2) | {"proxies.nndr": _nndr(evidence, train, held_out)},
            modality,
        )

        def scores(release: Cohort) -> list[Score]:
            made = placed(evidence, release, modality, least=LEAST)
            return [
                Score(key, value, floor=floor.get(key), n=len(made))
                for key, value in _proxies(evidence, train, held_out, made).items()
            ]

        return evidence.each_release(scores, modality=modality)


def _proxies(evidence: Evidence, train: Placed, held_out: Placed, made: Placed) -> dict[str, float]:
    to_train, to_others = evidence.nn(made.x, train.x), evidence.nn(made.x, held_out.x)
    closer = (to_train < to_others).mean() + (to_train == to_others).mean() / 2
    odds = [closer / len(train), (1 - closer) / len(held_out)]
    found = {"proxies.share": float(odds[0] / sum(odds)), "proxies.nndr": _nndr(evidence, train, made)}
    usual = float(np.median(evidence.nn(held_out.x, train.x)))
    return found | ({"proxies.dcr": float(np.median(to_train)) / usual} if usual > 0 else {})


def _nndr(evidence: Evidence, train: Placed, made: Placed) -> float:
    """The ratio is 1 where both neighbours are copies: then it singles nobody out."""
    nearest = evidence.nn(made.x, train.x).astype(np.float64)
    second = np.maximum(nth_nearest(made.x, train.x, 2), nearest)
    return float(np.quantile(np.divide(nearest, second, out=np.ones(len(made)), where=second > 0), 0.05))
