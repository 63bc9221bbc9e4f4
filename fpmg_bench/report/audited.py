"""What audits said of a run's privacy claims: a cell a method, and the red banner where a claim does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fpmg_bench import drawn
from fpmg_bench.audit.bound import CONFIDENCE, ceiling, lower_bound
from fpmg_bench.report.blocks import Cell, Prose
from fpmg_bench.report.measures import epsilon
from fpmg_bench.report.read import TrialFiles
from fpmg_bench.report.view import Method, View
from fpmg_bench.report.wording import number

UNPROVED = (
    "Canaries refute or they do not; they never confirm. The lower bound is the largest over seeds and holds at 95 % confidence for "
    "all of them together (each at 1 - .05 / seeds), the ceiling is what this audit could show at most."
)
REFUTED = "A formal ε of this run is refuted: it is no guarantee, whatever the ledger says."


def banner(view: View) -> list[Prose]:
    """Every claim that canaries or the drawn batches refute; empty where there is none."""
    lines = list(dict.fromkeys(line for trial in view.trials() if trial.status == "ok" for line in refutations(trial)))
    return [Prose([REFUTED, *lines], "bad", "Privacy violation")] if lines else []


def refutations(trial: TrialFiles) -> Iterator[str]:
    """A line for every way in which a trial's own canaries or drawn batches contradict its ledger."""
    audit = trial.record.get("audit")
    if audit and audit["violated"]:
        bound, formal = number(audit["epsilon_lower"], 2), epsilon(audit["formal"])
        told = f"{audit['correct']} of {audit['guesses']} guesses on {audit['canaries']} canaries were right"
        yield f"{trial.id}: canaries show ε of at least {bound}, {formal} is claimed ({told}){_planted(audit)}."
    for silo in trial.ledger.get("silos") or ():
        for line in drawn.violations(silo):
            yield f"{trial.id}, silo {silo.get('name', silo['silo'])}: {line}{_planted(audit)}."


def _planted(audit: Mapping[str, Any] | None) -> str:
    fault = (audit or {}).get("sabotage", "none")
    return "" if fault == "none" else f"; planted fault: {fault}"


def cell(method: Method) -> Cell:
    """The largest lower bound over seeds, with the ceiling and what it means; "not run" without canaries."""
    found: list[Mapping[str, Any]] = [trial.record["audit"] for trial in method.done if trial.record.get("audit")]
    if not found:
        return Cell("not run", tone="muted")
    bounds = [_bounds(audit, 1 - (1 - CONFIDENCE) / len(found)) for audit in found]
    worst, (bound, most) = max(zip(found, bounds, strict=True), key=lambda pair: (pair[0]["violated"], pair[1]))
    small = (
        f"ceiling {number(most, 2)}\n{worst['correct']} of {worst['guesses']} guesses right\n{worst['words']}{_planted(worst)}"
    )
    return Cell(f"≥ {number(bound, 2)}", small, bound, "bad" if worst["violated"] else "", UNPROVED)


def _bounds(audit: Mapping[str, Any], confidence: float) -> tuple[float, float]:
    """Lower bound and ceiling of one audit, where several are looked at and the largest is shown."""
    canaries, guesses, delta = audit["canaries"], audit["guesses"], audit["delta"]
    return lower_bound(canaries, guesses, audit["correct"], delta, confidence), ceiling(canaries, guesses, delta, confidence)


def refuted(method: Method) -> bool:
    """Did any seed refute the method's claim?"""
    return any(True for trial in method.done for _ in refutations(trial))
