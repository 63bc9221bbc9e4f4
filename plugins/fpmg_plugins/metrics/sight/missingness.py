"""Is missing what is missing in real patients, and missing together?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.sight import gaps, over_modalities

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Statistic = Callable[[Cohort], list[Score]]

VARIATION = "total variation distance"


class Missingness:
    """Gaps of tables (by column and record) and series (by channel, record and step) against the held-out patients H; all 0 at best.

    `missingness`: mean over pairs of columns of the total variation distance between (first missing, second missing) in S and in H;
    by modality, and their mean. `missingness.rates`: mean over columns of |rate in S - rate in H|, `missingness.worst` the largest.
    `missingness.joint`: mean difference of the correlations of missing with missing, over pairs that H misses together or by turns (a
    correlation of .1 and of 3 standard errors at least); in S a column that is never missing correlates with nothing.
    `missingness.presence`: total variation distance of the mixture of modalities that records have. Lower is better; floor: the training patients T in the place of S.
    Needs 10 records each. Pitfalls: gaps that depend on values are not looked at; what a record lacks as a whole counts in
    `presence` alone.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = True
    scales: ClassVar[Mapping[str, Scale]] = {
        "missingness": Scale(0.0, False, low=0.0, high=1.0, unit="share", source=VARIATION),
        "missingness.rates": Scale(0.0, False, low=0.0, high=1.0, unit="share", source="counted"),
        "missingness.worst": Scale(0.0, False, low=0.0, high=1.0, unit="share", source="counted"),
        "missingness.joint": Scale(0.0, False, low=0.0, high=2.0, unit="correlation", source="Pearson, of indicators"),
        "missingness.presence": Scale(0.0, False, low=0.0, high=1.0, unit="share", source=VARIATION),
    }

    def __init__(self) -> None:
        pass

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """By modality, the headline over all of them, and presence."""
        scores: list[Score] = []
        for name, schema in evidence.train.schemas.items():
            if schema.kind in ("table", "series") and schema.columns:
                for key, statistic in (("missingness", self._rates), ("missingness.joint", self._joint)):
                    try:
                        scores += self._with_floor(evidence, key, partial(statistic, evidence, name), name)
                    except NotApplicable as missing:
                        evidence.not_applicable(key, missing.reason, modality=name)
        scores += over_modalities.means(scores, "missingness")
        if len(evidence.train.schemas) > 1:
            scores += self._with_floor(evidence, "missingness.presence", partial(_presence, evidence), None)
        if not scores:
            raise NotApplicable("the cohort has one modality, and it has no columns")
        return scores

    def _with_floor(self, evidence: Evidence, key: str, statistic: Statistic, name: str | None) -> list[Score]:
        real = real_side(self, evidence, lambda: statistic(evidence.train), key, name)
        floor = {score.key: score.value for score in real}
        return [replace(score, floor=floor[score.key]) for score in evidence.each_release(statistic, modality=name)]

    def _rates(self, evidence: Evidence, name: str, cohort: Cohort) -> list[Score]:
        real, made = self._both(evidence, name, cohort)
        apart = abs(real.rates - made.rates)
        found = {"": gaps.together(real, made), ".rates": apart.mean(), ".worst": apart.max()}
        return [Score(f"missingness{key}", float(value), n=int(cohort.present[name].sum())) for key, value in found.items()]

    def _joint(self, evidence: Evidence, name: str, cohort: Cohort) -> list[Score]:
        return [Score("missingness.joint", gaps.correlations(*self._both(evidence, name, cohort)))]

    def _both(self, evidence: Evidence, name: str, cohort: Cohort) -> tuple[gaps.Gaps, gaps.Gaps]:
        return real_side(self, evidence, lambda: gaps.of(evidence.held_out, name), name), gaps.of(cohort, name)


def _presence(evidence: Evidence, cohort: Cohort) -> list[Score]:
    return [Score("missingness.presence", gaps.presence(evidence.held_out, cohort), n=len(cohort))]
