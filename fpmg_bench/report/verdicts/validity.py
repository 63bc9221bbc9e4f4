"""What must hold before anybody reads a number: seeds, baselines, accounting, clean sources, plumbing, bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fpmg_bench.report.blocks import Check, Checks, Section
from fpmg_bench.report.measures import LEADERBOARD
from fpmg_bench.report.privacy.audited import refutations
from fpmg_bench.report.read import TrialFiles
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import as_float, listing, plural

SEEDS = 3


def panel(view: View) -> Section:
    """The validity list."""
    return Section("checks", "Checks", "Numbers count only as far as these hold.", [validity(view)])


def validity(view: View) -> Checks:
    """The validity list, always the same lines in the same order."""
    lines: tuple[Callable[[View], Check], ...] = (seeds, baselines, privacy, sources, plumbing, bytes_equal, complete, calibrated)
    return Checks("validity", [line(view) for line in lines])


def seeds(view: View) -> Check:
    """At least three seeds everywhere."""
    least = min((len(group.seeds) for group in view.groups), default=0)
    more = "" if least >= 5 else " Five are needed before methods are ranked."
    return Check(f"At least {SEEDS} seeds", least >= SEEDS, f"{plural(least, 'seed')} a method.{more}")


def baselines(view: View) -> Check:
    """Centralized, local-only and FedAvg with at least one finished trial on every cohort."""
    missing = [f"{group.title}: {listing(lacking)}" for group in view.groups if (lacking := _lacking(group))]
    return Check(
        "Baselines present",
        not missing,
        "Missing or unfinished: " + "; ".join(missing) if missing else "Centralized, local-only and FedAvg ran on every cohort.",
    )


def _lacking(group: Group) -> list[str]:
    there = [method for method in group.ranked if method.done and method.role != "external"]
    wanted = {
        "centralized": any(m.pooled for m in there),
        "local-only": any(m.uses("topology", "isolated") for m in there),
        "fedavg": any(m.uses("topology", "star") and m.uses("aggregator", "fedavg") for m in there),
    }
    return [name for name, found in wanted.items() if not found]


def privacy(view: View) -> Check:
    """Every private trial has a finite epsilon from the core's ledger within what its suite asked for."""
    private = [trial for trial in view.trials() if trial.spec.get("privacy") and trial.status == "ok"]
    if not private:
        requested = any(trial.spec.get("privacy") for trial in view.trials())
        return Check(
            "Epsilon accounted by the core",
            None,
            "No private trial finished." if requested else "No method asked for differential privacy: every epsilon is infinite.",
        )
    refuted = {id(trial) for group in view.groups for method in group.methods for trial, _ in refutations(method)}
    bad = [trial.id for trial in private if not _accounted(trial) or id(trial) in refuted]
    good = (
        f"{plural(len(private), 'private trial')}: epsilon is finite, within the budget, and refuted by nothing that was drawn."
    )
    text = f"Over budget, unaccounted or refuted: {listing(bad)}." if bad else good
    return Check("Epsilon accounted by the core", not bad, text)


def _accounted(trial: TrialFiles) -> bool:
    spent = as_float((trial.record.get("privacy") or {}).get("epsilon"))
    budget = as_float(trial.spec["privacy"].get("epsilon"))
    return spent is not None and math.isfinite(spent) and (budget is None or spent <= budget * (1 + 1e-6))


def sources(view: View) -> Check:
    """Committed sources."""
    states = [run.environment.get("git") for run in view.runs]
    if all(state is None for state in states):
        return Check("Sources committed", None, "Not run from a git checkout: the component versions below identify the code.")
    dirty = any(state and state.get("dirty") for state in states)
    return Check("Sources committed", not dirty, "There were uncommitted changes." if dirty else "The working tree was clean.")


def plumbing(view: View) -> Check:
    """Weights travelled as the topology's plan says, in every finished trial."""
    checks = [(trial, check) for trial in view.trials() for check in trial.record.get("plumbing") or ()]
    failed = [f"{trial.id}: {check['check']}" for trial, check in checks if check.get("status") == "failed"]
    passed = sum(check.get("status") == "ok" for _, check in checks)
    if not checks:
        return Check("Plumbing passed", None, "No trial has recorded its plumbing checks.")
    return Check(
        "Plumbing passed",
        not failed,
        f"Failed: {listing(failed[:5])}." if failed else f"{plural(passed, 'check')} passed on the topologies' own plans.",
    )


def bytes_equal(view: View) -> Check:
    """The meter's bytes equal the closed forms on every round that has one."""
    rounds = [(trial.id, record) for trial in view.trials() for record in metered(trial.rounds)]
    wrong = sorted({trial for trial, record in rounds if record["bytes"] != record["closed_form"]})
    if not rounds:
        return Check("Bytes equal the closed forms", None, "No round has a closed form to compare with.")
    return Check(
        "Bytes equal the closed forms",
        not wrong,
        f"They differ in {listing(wrong[:5])}." if wrong else f"{plural(len(rounds), 'round')} metered, all equal.",
    )


def metered(rounds: Any) -> Iterator[Mapping[str, Any]]:
    """Rounds whose topology has a closed form."""
    return (record for record in rounds if record.get("closed_form") is not None)


def complete(view: View) -> Check:
    """Every planned trial finished."""
    bad = [trial for trial in view.trials() if trial.status != "ok"]
    total = sum(1 for _ in view.trials())
    text = (
        f"{len(bad)} of {plural(total, 'trial')} did not finish; they are listed below and never filled in."
        if bad
        else f"All {plural(total, 'trial')} finished."
    )
    return Check("Every trial finished", not bad and total > 0, text)


def calibrated(view: View) -> Check:
    """Every headline measure of this report has passed its controls in the reference calibration run."""
    words: dict[str, dict[str, None]] = {}
    for measure, group in ((m, g) for m in LEADERBOARD for g in view.groups if m.metric(view, g)):
        words.setdefault(measure.verdict(view, group).word, {})[measure.label] = None
    demoted, unknown = words.get("demoted", {}), words.get("not calibrated", {})
    said = [f"Demoted, so they decide nothing (✗): {listing(demoted)}."] if demoted else []
    said += [f"Not calibrated (°): {listing(unknown)}."] if unknown else []
    return Check("Metrics passed their controls", not demoted and not unknown, " ".join(said) or "All headline measures passed.")
