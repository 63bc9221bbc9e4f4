"""Do values move from step to step as they do within real patients?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.sight import over_modalities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.floating[Any]]

LEAST = 30  # neighbouring pairs of seen values of a channel, among real patients and in the release
MOST = 100.0  # times as much, or as little: a channel that stands still is no farther off than that


class StepChange:
    """Change within a patient from one step of a series to the next, where both are seen, against the held-out patients H.

    A channel's ratio: median |x(t+1) - x(t)| in S over that in H (means, where H's median is 0), held within 1/100 and 100.
    `step-change`: geometric mean over channels; 1 at best; below: smoothed, above: jitter. `step-change.off` = exp(mean over channels of
    |ln ratio|): channels that are too smooth do not make up for others that jitter; 1 at best, lower is better. A channel alone
    under scope channel:NAME. Floor: the training patients T in the place of S.
    Needs 30 such pairs of a channel in S and in H. Pitfalls: the time between steps is not looked at, nor are trends; channels
    measured too seldom to have neighbouring values are left out.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "step-change": Scale(1.0, None, low=0.0, unit="ratio", source="median absolute first difference"),
        "step-change.off": Scale(1.0, False, low=1.0, high=MOST, unit="factor", source="mean absolute log ratio"),
    }

    def __init__(self) -> None:
        pass

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every series."""
        few = f"no channel has {LEAST} neighbouring pairs of seen values in both"
        scores = over_modalities.every(
            evidence, ("series",), "step-change", lambda name: self._series(evidence, name), "the cohort has no series", few
        )
        return scores + over_modalities.means(
            [s for s in scores if not s.scope.startswith("channel:")], "step-change", "step-change.off"
        )

    def _series(self, evidence: Evidence, name: str) -> list[Score]:
        statistic = partial(self._scores, evidence, name)
        floor = {(s.key, s.scope): s.value for s in real_side(self, evidence, lambda: statistic(evidence.train), "floor", name)}
        found = evidence.each_release(statistic, modality=name)
        return [replace(s, floor=floor.get((s.key, s.scope if s.scope.startswith("channel:") else "all"))) for s in found]

    def _scores(self, evidence: Evidence, name: str, cohort: Cohort) -> list[Score]:
        real = real_side(self, evidence, lambda: changes(evidence.held_out, name), "changes", name)
        ratios = {
            column.name: min(max(ratio, 1 / MOST), MOST)
            for column, one, other in zip(cohort.schemas[name].columns, real, changes(cohort, name), strict=True)
            if (ratio := _ratio(one, other)) is not None
        }
        if not ratios:
            raise NotApplicable(f"no channel of {name!r} has {LEAST} neighbouring pairs of seen values in both")
        logs, n = np.log(list(ratios.values())), int(cohort.present[name].sum())
        whole = {"step-change": np.exp(logs.mean()), "step-change.off": min(MOST, float(np.exp(abs(logs).mean())))}
        each = [Score("step-change", ratio, scope=f"channel:{channel}") for channel, ratio in ratios.items()]
        return [*(Score(key, float(value), n=n) for key, value in whole.items()), *each]


def changes(cohort: Cohort, name: str) -> list[Floats]:
    """|x(t+1) - x(t)| of each channel, of all records and steps where both are seen."""
    series = cohort.data[name].take(np.flatnonzero(cohort.present[name]))
    known = series.seen & np.isfinite(series.values)
    both = known[:, 1:] & known[:, :-1]
    size = abs(np.diff(np.where(known, series.values, 0).astype(np.float64), axis=1))
    return [size[..., c][both[..., c]] for c in range(size.shape[-1])]


def _ratio(real: Floats, made: Floats) -> float | None:
    """None where too few pairs are there, or real values never change."""
    if min(len(real), len(made)) < LEAST:
        return None
    size = np.median if np.median(real) > 0 else np.mean
    below = float(size(real))
    return float(size(made)) / below if below > 0 else None
