"""Methods that nobody beats on every axis at once."""

from __future__ import annotations

from collections.abc import Sequence

from fpmg_bench.report.measures import ATTACK, CO, EPSILON, RG, TSTR, Measure
from fpmg_bench.report.verdicts.leaders import leading
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import as_float
from fpmg_bench.stats import pareto


def axes(view: View, group: Group) -> list[Measure]:
    """Utility (realism where it was not measured or is demoted), attack, formal epsilon, bytes: those this cohort has, without demoted ones."""
    utility = leading(view, group) or (TSTR if TSTR.metric(view, group) else RG)
    asked = (utility, ATTACK, EPSILON, CO)
    return [measure for measure in asked if measure.metric(view, group) and measure.verdict(view, group).counts]


def front(view: View, group: Group, measures: Sequence[Measure]) -> set[str]:
    """Names on the Pareto front of the means and of seconds. A method that lacks an axis is not on it."""
    points = {m.name: point for m in group.ranked if not m.pooled and (point := _losses(view, group, m, measures)) is not None}
    width = len(next(iter(points.values()), ()))
    return {name for name, kept in zip(points, pareto(list(points.values()), [False] * width), strict=True) if kept}


def _losses(view: View, group: Group, method: Method, measures: Sequence[Measure]) -> tuple[float, ...] | None:
    found = [(measure, measure.summary(view, group, method).mean) for measure in measures]
    losses = tuple(measure.loss(mean) for measure, mean in found if mean is not None)
    return (*losses, seconds(method)) if len(losses) == len(measures) else None


def seconds(method: Method) -> float:
    """Mean seconds of its finished trials, to one digit: a few percent are the machine's mood, not the method's."""
    totals = [as_float((trial.record.get("seconds") or {}).get("total")) or 0.0 for trial in method.done]
    mean = sum(totals) / max(len(totals), 1)
    return float(f"{mean:.1g}")
