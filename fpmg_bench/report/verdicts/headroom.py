"""How much there was to win: what the best reference scores better than a generator before its first round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING

from fpmg_bench.report.measures import Measure
from fpmg_bench.report.view import Group, Method, View

if TYPE_CHECKING:
    from fpmg_bench.stats import Judgement


@dataclass(frozen=True, slots=True)
class Headroom:
    """Loss of the untrained method less that of the best reference, mean over their shared seeds; below 0: the start is better.

    found: the smallest difference that this cohort's seeds find, inf where none could be.
    """

    reference: Method
    start: Method
    value: float
    seeds: int
    found: float = math.inf

    @property
    def wins(self) -> bool:
        """Whether a method as good as the best reference could be told from one that never trained."""
        return self.value > self.found


def headroom(view: View, group: Group, measure: Measure, judged: Sequence[Judgement] = ()) -> Headroom | None:
    """Of one score; None where no untrained method, or no reference, has it. judged: of the methods, for what they could find."""
    start = untrained(group)
    if start is None:
        return None
    metric = measure.metric(view, group)
    mine = view.values(group, start, metric)
    found = []
    for reference in references(group):
        theirs = view.values(group, reference, metric)
        shared = sorted(mine.keys() & theirs.keys())
        if shared:
            gained = fmean(measure.loss(mine[seed]) - measure.loss(theirs[seed]) for seed in shared)
            found.append(Headroom(reference, start, gained, len(shared), detectable(judged)))
    return max(found, key=lambda each: each.value, default=None)


def detectable(judged: Sequence[Judgement]) -> float:
    """The smallest true difference that is found with power .8, median over the methods that were judged; inf: none could be."""
    known = [each.detectable for each in judged if math.isfinite(each.detectable)]
    return median(known) if known else math.inf


def untrained(group: Group) -> Method | None:
    """A generator that is asked for no round: what the others start from. Noise is no lack of training, so none that is private."""
    asked = (m for m in group.ranked if m.spec.get("generator") and not m.spec.get("privacy"))
    return next((m for m in asked if (m.spec.get("budget") or {}).get("rounds") == 0), None)


def references(group: Group) -> list[Method]:
    """What no generator is expected to surpass: real patients, encoded and decoded, and the simulator itself."""
    return [*group.decoded, *(method for method in group.controls if method.uses("control", "oracle"))]
