"""Alpha-precision, beta-recall and authenticity: typical real patients, typical released ones, and near-copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

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

ALAA = "Alaa et al. 2022, arXiv:2102.08921, without a one-class embedding"
LEVELS = np.linspace(0, 1, 31)
SAME = 1e-5  # of the size of the cloud: distances of float32 points this close are equal, in any order and on any processor


class Support:
    """In phi_8, against the held-out patients H (authenticity: the training patients T).

    `support.alpha_precision` = 1 - 2 int |P(released within the ball of a share alpha of H) - alpha| d alpha;
    `support.beta_recall`: the same with the ball of a share beta of the release, a real patient counting where their nearest
    released record lies in that ball and is no farther away than their nearest other real patient;
    both in [0, 1], higher is better. `support.authenticity`: share of released records that are farther from their nearest
    training patient than that patient is from the nearest other one; [0, 1]; its ideal is its floor, H in the place of the
    release (neither 1 nor 1/2), below it: near-copies. Other floors: T in the place of the release. Needs 50 records each.
    Pitfalls: a ball around the mean suits one cluster only; two clusters far apart leave it empty.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "support.alpha_precision": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=ALAA),
        "support.beta_recall": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=ALAA),
        "support.authenticity": Scale(1.0, None, low=0.0, high=1.0, unit="share", source=ALAA),
    }

    def __init__(self) -> None:
        pass

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """All three of every release."""
        seed = fresh_seed(rng)
        real = real_side(self, evidence, lambda: self._scores(evidence, seed, evidence.train), "floor", seed)
        floor = {s.key: s.value for s in real}
        floor["support.authenticity"] = real_side(self, evidence, lambda: _authentic(evidence, evidence.held_out), "authentic")
        found = evidence.each_release(partial(self._scores, evidence, seed))
        return [replace(score, floor=floor[score.key]) for score in found]

    def _scores(self, evidence: Evidence, seed: int, release: Cohort) -> list[Score]:
        real, made = (_points(evidence, part) for part in (evidence.held_out, release))
        made = made[some(len(made), len(real), np.random.default_rng(seed))]
        values = {
            "alpha_precision": alpha_precision(real, made),
            "beta_recall": beta_recall(real, made, _around(evidence, evidence.held_out)),
            "authenticity": _authentic(evidence, release),
        }
        return [Score(f"support.{key}", value, n=len(real)) for key, value in values.items()]


def _authentic(evidence: Evidence, release: Cohort) -> float:
    return authenticity(_points(evidence, evidence.train), _points(evidence, release), _around(evidence, evidence.train))


def _around(evidence: Evidence, real: Cohort) -> Floats:
    """Distance of each of these patients to the next one."""
    found: Floats = evidence.once(("next patient in phi_8",), lambda: balls.radii(_points(evidence, real), 1), real)
    return found


def alpha_precision(real: Floats, made: Floats) -> float:
    """How well the released records [m, d] fill the nested balls of the real ones [n, d]."""
    centre = real.mean(0)
    edges = _edges(np.linalg.norm(real - centre, axis=1))
    return _filled(np.array([(np.linalg.norm(made - centre, axis=1) <= edge).mean() for edge in edges]))


def beta_recall(real: Floats, made: Floats, around: Floats | None = None) -> float:
    """How well the nested balls of the release reach the real patients, locally. around [n]: to the next one, where known."""
    around = balls.radii(real, 1) if around is None else around
    centre = made.mean(0)
    away = np.linalg.norm(made - centre, axis=1)
    distance, which = balls.closest(real, made)
    near = distance <= around + _slack(real)
    edges = _edges(away)
    return _filled(np.array([(near & (away[which] <= edge)).mean() for edge in edges]))


def authenticity(train: Floats, made: Floats, around: Floats | None = None) -> float:
    """Share of released records beyond the nearest-neighbour distance of their nearest training patient; around: see above."""
    around = balls.radii(train, 1) if around is None else around
    distance, which = balls.closest(made, train)
    return float((distance > around[which] + _slack(train)).mean())


def _edges(away: Floats) -> Floats:
    """Radii of the balls; a hair wider, so that the record a ball ends at lies in it whatever the rounding."""
    edges: Floats = np.quantile(away, LEVELS) + SAME * float(np.sqrt((away**2).mean()))
    return edges


def _slack(x: Floats) -> float:
    """What rounding may add to a distance: copies of a patient are no distance away, whatever the order of rows."""
    return SAME * float(np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean()))


def _filled(share: Floats) -> float:
    """1 - 2 int |share(level) - level|, by the trapezoid rule."""
    gap = np.abs(share - LEVELS)
    return float(1 - 2 * ((gap[1:] + gap[:-1]) / 2 * np.diff(LEVELS)).sum())


def _points(evidence: Evidence, cohort: Cohort) -> Floats:
    return placed(evidence, cohort, principal=True, least=50).x.astype(np.float64)
