"""Who leads by which measure, and whether that may be called winning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.report.measures import Measure
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.view import Group, Method, View

if TYPE_CHECKING:
    from fpmg_bench.stats import Judgement

SEEDS_TO_RANK = 5

Entry = tuple[Method, Summary]


@dataclass(frozen=True, slots=True)
class Standing:
    """Methods with a value, best mean first. rivals: those that cannot be told from the leader. seeds: the fewest behind a mean."""

    measure: Measure
    order: Sequence[Entry]
    rivals: Sequence[Entry]
    seeds: int

    @property
    def leader(self) -> Entry:
        return self.order[0]

    @property
    def ranked(self) -> bool:
        """Enough seeds to speak of a ranking at all."""
        return self.seeds >= SEEDS_TO_RANK


def standing(view: View, group: Group, measure: Measure) -> Standing | None:
    """The order of the federated and local methods; centralized is a reference, no competitor.

    None: fewer than two have a value, or the measure is demoted by its calibration and leads nobody.
    """
    if not measure.verdict.counts:
        return None
    found = [(method, measure.summary(view, group, method)) for method in group.ranked if not method.pooled]
    good = [(method, s, s.mean) for method, s in found if s.mean is not None]
    if len(good) < 2:
        return None
    order = [(method, s) for method, s, mean in sorted(good, key=lambda item: measure.loss(item[2]))]
    seeds = min(s.seeds for _, s in order)
    overlapping = [entry for entry in order[1:] if overlap(order[0][1], entry[1])]
    rivals = untold(view, group, measure, order) if seeds >= SEEDS_TO_RANK else overlapping
    return Standing(measure, order, rivals, seeds)


def overlap(a: Summary, b: Summary) -> bool:
    """Do the intervals share a point? One seed without an interval separates from nothing."""
    if a.mean is None or b.mean is None:
        return True
    if (a.interval is None or b.interval is None) and min(a.seeds, b.seeds) < 2:
        return True
    low_a, high_a = a.interval or (a.mean, a.mean)
    low_b, high_b = b.interval or (b.mean, b.mean)
    return low_a <= high_b and low_b <= high_a


def untold(view: View, group: Group, measure: Measure, order: Sequence[Entry]) -> list[Entry]:
    """Methods that are not certainly worse than the leader (`stats.judge`, all of them as one family)."""
    judged = against(view, group, measure, order[0][0], [method for method, _ in order[1:]])
    return [entry for entry, found in zip(order[1:], judged, strict=True) if found.verdict != "worse"]


def against(view: View, group: Group, measure: Measure, reference: Method, others: Sequence[Method]) -> list[Judgement]:
    """What the others are, beside the reference, by this measure: one family of paired tests on losses."""
    from fpmg_bench.comparison import held_out_ratio
    from fpmg_bench.stats import Pairs, judge, margin

    metric = measure.metric(view, group)
    mine = view.values(group, reference, metric)
    ratio = held_out_ratio((reference.done[0].record.get("split") or {}) if reference.done else {})
    family = []
    for other in others:
        theirs = view.values(group, other, metric)
        shared = sorted(mine.keys() & theirs.keys())
        losses = [measure.loss(theirs[seed]) - measure.loss(mine[seed]) for seed in shared]
        family.append(Pairs(losses, ratio, margin(metric)))
    return judge(family)
