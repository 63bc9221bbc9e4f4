"""Who leads by which measure, and whether that may be called winning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fpmg_bench.errors import NotApplicable
from fpmg_bench.report.measures import Measure
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import as_float

SEEDS_TO_RANK = 5
ALPHA = 0.05
RATIO = 0.5  # held-out over training patients where no trial says: 30 % over 60 %

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
    """The order of the federated and local methods; centralized is a reference, no competitor. None: fewer than two have a value."""
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
    """Methods that the corrected resampled t-test, paired by seed and Holm-adjusted, cannot tell from the leader.

    Seeds share patients, so their spread alone is too narrow (Nadeau & Bengio 2003).
    """
    from fpmg_bench.stats import holm

    p = [_p(view, group, measure, order[0][0], other) for other, _ in order[1:]]
    return [entry for entry, adjusted in zip(order[1:], holm(p), strict=True) if adjusted >= ALPHA]


def _p(view: View, group: Group, measure: Measure, first: Method, other: Method) -> float:
    from fpmg_bench.stats import corrected_t

    metric = measure.metric(view, group)
    mine, theirs = view.values(group, first, metric), view.values(group, other, metric)
    paired = [measure.loss(theirs[seed]) - measure.loss(mine[seed]) for seed in sorted(mine.keys() & theirs.keys())]
    try:
        return corrected_t(paired, _ratio(first)).p
    except NotApplicable:  # too few pairs: nothing can be told
        return 1.0


def _ratio(method: Method) -> float:
    """Held-out over training patients of the first finished trial."""
    split = method.done[0].record.get("split") or {}
    held_out, train = (as_float((split.get(part) or {}).get("patients")) for part in ("held_out", "train"))
    return held_out / train if held_out and train else RATIO
