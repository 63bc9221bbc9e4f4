"""Category coverage: do all categories that real patients show appear among the synthetic ones?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng


class CategoryCoverage:
    """`category-coverage`: over all categorical columns, the mean share of categories seen in R1 that the release shows.

    Range [0, 1], higher is better; floor: R2 in the place of the release. Any n; rare categories make small cohorts score low,
    so read it beside its floor. Pitfall: one patient of each category is enough for a perfect score.
    """

    family: ClassVar[str] = "DG"
    scales: ClassVar[Mapping[str, Scale]] = {
        "category-coverage": Scale(1.0, True, low=0.0, high=1.0, unit="share", source="CategoryCoverage of sdmetrics (DataCebo)")
    }

    def __init__(self) -> None:
        pass

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        real = _seen(evidence.r1)
        if not real:
            raise NotApplicable("no table of this cohort has a categorical column")
        floor = _coverage(real, _seen(evidence.r2))
        return evidence.each_release(lambda cohort: {"category-coverage": _coverage(real, _seen(cohort))}, floor=floor)


def _coverage(real: Mapping[str, set[str]], other: Mapping[str, set[str]]) -> float:
    return sum(len(values & other[name]) / len(values) for name, values in real.items()) / len(real)


def _seen(cohort: Cohort) -> dict[str, set[str]]:
    """ "modality.column" -> categories that occur where the modality is present."""
    found: dict[str, set[str]] = {}
    for modality, schema in cohort.schemas.items():
        if schema.kind == "table":
            frame = cohort.data[modality].frame[cohort.present[modality]]
            for column in schema.columns:
                if column.type == "category":
                    found[f"{modality}.{column.name}"] = set(frame[column.name].dropna())
    return {name: values for name, values in found.items() if values}
