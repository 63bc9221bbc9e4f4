"""A metric: does every class have as large a share among synthetic patients as among held-out ones?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fpmg_bench.types import Scale, Score

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng


class Mine:
    """`mine`: total variation distance of the label's shares; [0, 1], 0 is best. floor: training patients in the place of the release.

    Pitfall: say here what makes a bad generator look good.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = True  # may be asked for between rounds
    scales: ClassVar[Mapping[str, Scale]] = {"mine": Scale(0.0, False, low=0.0, high=1.0, unit="share", source="counted")}

    def __init__(self) -> None:
        pass

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """A number a silo that releases patients of its own, and their mean. Raise NotApplicable(reason) where there is none."""
        classes = len(evidence.held_out.classes)

        def distance(cohort: Cohort) -> float:
            one, two = (np.bincount(c.label, minlength=classes) / len(c) for c in (cohort, evidence.held_out))
            return float(abs(one - two).sum() / 2)

        return evidence.each_release(lambda release: {"mine": distance(release)}, floor=distance(evidence.train))
