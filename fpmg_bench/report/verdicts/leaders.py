"""Who leads by which measure, and whether that may be called winning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fpmg_bench.report.measures import RG, TSTR, Measure
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import listing, plural

if TYPE_CHECKING:
    from fpmg_bench.stats import Judgement

SEEDS_TO_RANK = 5

Entry = tuple[Method, Summary]


@dataclass(frozen=True, slots=True)
class Standing:
    """Methods with a value, best mean first. rivals: those that cannot be told from the leader. seeds: how many all have in common.

    lost: some method has a seed that another lost: means are over the seeds in common, where there are two. short: methods with
    too few seeds in common with the leader to be tested, in runs where others can be.
    """

    measure: Measure
    order: Sequence[Entry]
    rivals: Sequence[Entry]
    seeds: int
    lost: bool = False
    short: Sequence[Entry] = ()
    ranked: bool = False

    @property
    def leader(self) -> Entry:
        return self.order[0]

    @property
    def where(self) -> str:
        """What means are over, where not all methods have every seed; empty elsewhere."""
        return f" over the {plural(self.seeds, 'seed')} that all methods have" if self.lost else ""

    @property
    def unranked(self) -> str:
        """Methods that no test was possible for, beside those that were tested; empty where there are none."""
        return listing(f"{method.name} ({plural(found.seeds, 'seed')})" for method, found in self.short)


def standing(view: View, group: Group, measure: Measure) -> Standing | None:
    """The order of the federated and local methods; centralized is a reference, no competitor.

    None: fewer than two have a value, or the measure is demoted by its calibration and leads nobody.
    """
    if not measure.verdict(view, group).counts:
        return None
    metric = measure.metric(view, group)
    competing = [method for method in group.ranked if not method.pooled]
    values = {m.name: found for m in competing if (found := view.values(group, m, metric))}
    if len(values) < 2:
        return None
    common = set.intersection(*map(set, values.values()))
    lost = any(len(found) > len(common) for found in values.values()) and len(common) > 1
    own = [(m, view.summary(group, m, metric, seeds=common if lost else None)) for m in competing if m.name in values]
    order = sorted(own, key=lambda entry: measure.loss(entry[1].mean or 0.0))
    seeds = len(common) if lost else min(found.seeds for _, found in order)
    shared = {name: len(found.keys() & values[order[0][0].name].keys()) for name, found in values.items()}
    testable = [entry for entry in order[1:] if shared[entry[0].name] >= SEEDS_TO_RANK]
    if not testable:
        overlapping = [entry for entry in order[1:] if overlap(order[0][1], entry[1])]
        return Standing(measure, order, overlapping, seeds, lost)
    short = [(m, replace(s, seeds=len(values[m.name]))) for m, s in order[1:] if shared[m.name] < SEEDS_TO_RANK]
    rivals = untold(view, group, measure, [order[0], *testable])
    return Standing(measure, order, rivals, seeds, lost, short, ranked=True)


def leading(view: View, group: Group) -> Measure | None:
    """The headline measure of a cohort: utility, or realism where that was not measured or is demoted; None where neither leads."""
    return next((m for m in (TSTR, RG) if view.measured(group, m.metric(view, group)) and m.verdict(view, group).counts), None)


def best_first(view: View, group: Group, methods: Sequence[Method]) -> list[Method]:
    """By the mean of the headline measure; those without one follow, and those of which nothing finished are last."""
    measure = leading(view, group)

    def place(method: Method) -> tuple[bool, bool, float]:
        mean = None if measure is None else measure.summary(view, group, method).mean
        return not method.done, mean is None, 0.0 if measure is None or mean is None else measure.loss(mean)

    return sorted(methods, key=place)


def lead(view: View, group: Group) -> Standing | None:
    """Who stands where by the headline measure: utility, or realism where utility tells of fewer than two methods."""
    return standing(view, group, TSTR) or standing(view, group, RG)


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


def ratio_of(group: Group) -> float:
    """Held-out over training patients of a cohort's trials; 0 where every seed has patients of its own."""
    from fpmg_bench.comparison import held_out_ratio

    trial = next((trial for method in group.methods for trial in method.done if trial.record.get("split")), None)
    return held_out_ratio(trial.record["split"] if trial else {})


def paired_test(group: Group) -> str:
    """The paired test that its methods are compared by."""
    return "the corrected paired test" if ratio_of(group) else "the plain paired test (fresh patients a seed)"


def against(view: View, group: Group, measure: Measure, reference: Method, others: Sequence[Method]) -> list[Judgement]:
    """What the others are, beside the reference, by this measure: one family of paired tests on losses."""
    from fpmg_bench.stats import Pairs, judge, margin

    metric = measure.metric(view, group)
    mine = view.values(group, reference, metric)
    ratio = ratio_of(group)
    family = []
    for other in others:
        theirs = view.values(group, other, metric)
        shared = sorted(mine.keys() & theirs.keys())
        losses = [measure.loss(theirs[seed]) - measure.loss(mine[seed]) for seed in shared]
        family.append(Pairs(losses, ratio, margin(metric)))
    return judge(family)
