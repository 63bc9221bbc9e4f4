"""Precision, recall, density and coverage: k-nearest-neighbour balls around real and released patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics import balls
from fpmg_plugins.metrics.distances import placed, some
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

NAEEM = "Naeem et al. 2020, arXiv:2002.09797"
KYNKAANNIEMI = "Kynkaanniemi et al. 2019, arXiv:1904.06991"


class Prdc:
    """Against the held-out patients H in phi, with as many released records as there are patients in H; k nearest neighbours.

    `prdc.precision`: share of released records in the k-ball of some real one; `prdc.recall`: share of real ones in the k-ball
    of some released one; `prdc.density`: real balls around a released record, over k; `prdc.coverage`: share of real balls with
    a released record. Ranges [0, 1], density [0, inf); higher is better, density's ideal is its floor. Floor: the training
    patients in the place of the release. A ball holds its own edge, so duplicates count. Needs 50 records each. Pitfalls:
    precision and recall are far below 1 for a perfect release in many dimensions, so read them against their floor; outliers
    have large balls, which inflates precision and recall; one patient repeated has precision 1: never read it alone.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "prdc.coverage": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=NAEEM),
        "prdc.precision": Scale(1.0, None, low=0.0, high=1.0, unit="share", source=KYNKAANNIEMI),
        "prdc.recall": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=KYNKAANNIEMI),
        "prdc.density": Scale(1.0, None, low=0.0, unit="ratio", source=NAEEM),
    }

    def __init__(self, k: Annotated[int, Ge(1)] = 5) -> None:
        self.k = k

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """All four of every release, with the training patients' own as floor."""
        seed = fresh_seed(rng)
        real = real_side(self, evidence, lambda: self._scores(evidence, seed, evidence.train), "floor", seed)
        floor = {s.key: s.value for s in real}
        found = evidence.each_release(partial(self._scores, evidence, seed))
        return [replace(score, floor=floor[score.key]) for score in found]

    def _scores(self, evidence: Evidence, seed: int, release: Cohort) -> list[Score]:
        real, made = (placed(evidence, part, least=50).x.astype(np.float64) for part in (evidence.held_out, release))
        radius = evidence.once(("radii of H in phi", self.k), lambda: balls.radii(real, self.k))
        made = made[some(len(made), len(real), np.random.default_rng(seed))]
        return [Score(f"prdc.{key}", value, n=len(real)) for key, value in prdc(real, made, self.k, radius).items()]


def prdc(real: Floats, made: Floats, k: int, radius: Floats | None = None) -> dict[str, float]:
    """The four numbers of points real [n, d] and made [m, d]. radius [n]: to the k-th neighbours of `real`, where known."""
    radius = balls.radii(real, k) if radius is None else radius
    around_made, _, around_real, inside_real = balls.crossing(real, made, radius, balls.radii(made, k))
    return {
        "precision": float((around_real > 0).mean()),
        "recall": float((around_made > 0).mean()),
        "density": float(around_real.mean() / k),
        "coverage": float((inside_real > 0).mean()),
    }
