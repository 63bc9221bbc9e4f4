"""Trials on all patients: what a release is drawn from, when evaluation has chosen the method."""

from __future__ import annotations

from dataclasses import replace

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import SuiteError
from fpmg_bench.spec import TrialSpec
from fpmg_bench.suite.model import Plan, Suite


def finals(plan: Plan, suite: Suite, method: str | None = None) -> Plan:
    """Every trial of a plan as a final one, with the first seed of each cohort and method; of this method alone, where one is named.

    All else is equal, but that nobody looks on. Raises SuiteError for a method that the suite lacks or that releases nothing.
    """
    if method is not None:
        _check(suite, method)
    trials: dict[tuple[str, str], TrialSpec] = {}
    for spec in plan.trials:
        if _releases(spec) and method in (None, spec.method):
            trials.setdefault((spec.dataset_name, spec.method), _final(spec))
    ids = {f"{dataset}/{name}/" for dataset, name in trials}
    left = [refusal for refusal in plan.refusals if method is None or f"/{method}/" in refusal.id]
    skipped = [refusal for refusal in plan.skipped if method is None or f"/{method}/" in refusal.id]
    return Plan(tuple(trials.values()), tuple(r for r in left if not r.id.startswith(tuple(ids))), tuple(skipped))


def _final(spec: TrialSpec) -> TrialSpec:
    return replace(spec, final=True, frames=False, budget=replace(spec.budget, evaluate_every=None))


def _releases(spec: TrialSpec) -> bool:
    return spec.generator is not None and spec.control is None and spec.audit is None


def _check(suite: Suite, name: str) -> None:
    place = f"{suite.source}: --final {name}"
    if name not in suite.methods:
        raise SuiteError(f"{place}: no such method.{did_you_mean(name, suite.methods)}", f"one of {', '.join(suite.methods)}")
    method = suite.methods[name]
    if method.generator is None or method.audit is not None:
        raise SuiteError(f"{place}: it releases nothing", "name a method that has a generator, and no `audit`")
