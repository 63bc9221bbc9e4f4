"""How near each method's mean is to the best of its column."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fpmg_bench.report.blocks import SHADES
from fpmg_bench.report.measures import CO, EPSILON, Measure
from fpmg_bench.report.view import Group, Method, View


def shades(view: View, group: Group, measure: Measure, methods: Sequence[Method]) -> dict[str, int]:
    """Name -> 0 to SHADES by loss, linear between the worst and the best; empty where all are alike, and for scores that lead nothing.

    Bytes and epsilons are not shaded: to send nothing, or to promise something, is no merit of the release.
    """
    if measure in (CO, EPSILON) or not measure.verdict(view, group).counts:
        return {}
    losses = {m.name: measure.loss(mean) for m in methods if (mean := measure.summary(view, group, m).mean) is not None}
    known = {name: loss for name, loss in losses.items() if math.isfinite(loss)}
    best, worst = min(known.values(), default=0.0), max(known.values(), default=0.0)
    if worst - best < 1e-9:
        return {}
    return {name: round(SHADES * (worst - loss) / (worst - best)) for name, loss in known.items()}
