"""Who leads by which measure, and whether that may be called winning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fpmg_bench.report.measures import Measure
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.view import Group, Method, View

SEEDS_TO_RANK = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """Methods with a value, best mean first. rivals: those whose interval overlaps the leader's."""

    measure: Measure
    order: Sequence[tuple[Method, Summary]]
    rivals: Sequence[tuple[Method, Summary]]
    seeds: int

    @property
    def leader(self) -> tuple[Method, Summary]:
        return self.order[0]

    @property
    def ranked(self) -> bool:
        """Enough seeds to speak of a ranking at all."""
        return self.seeds >= SEEDS_TO_RANK

    @property
    def exact(self) -> bool:
        """Counted rather than estimated: no interval anywhere, or intervals of zero width."""
        return all(found.interval is None or found.low == found.high for _, found in self.order) and not self.measure.best


def standing(view: View, group: Group, measure: Measure) -> Standing | None:
    """The order of the federated and local methods; centralized is a reference, not a competitor. None: fewer than two have a value."""
    found = [(method, measure.summary(view, group, method)) for method in group.ranked if not method.pooled]
    good = [(method, s, s.mean) for method, s in found if s.mean is not None]
    if len(good) < 2:
        return None
    order = [(method, s) for method, s, mean in sorted(good, key=lambda item: measure.loss(item[2]))]
    first = order[0][1]
    return Standing(measure, order, [item for item in order[1:] if overlap(first, item[1])], min(s.seeds for _, s in order))


def overlap(a: Summary, b: Summary) -> bool:
    """Do the intervals share a point? One seed without an interval separates from nothing."""
    if a.mean is None or b.mean is None:
        return True
    if (a.interval is None or b.interval is None) and min(a.seeds, b.seeds) < 2:
        return True
    low_a, high_a = a.interval or (a.mean, a.mean)
    low_b, high_b = b.interval or (b.mean, b.mean)
    return low_a <= high_b and low_b <= high_a
