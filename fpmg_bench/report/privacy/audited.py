"""What audits said of a run's privacy claims: a cell a method, and the red banner where a claim does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fpmg_bench.audit import bound, sampling_checks
from fpmg_bench.audit.flags import Flag, flags
from fpmg_bench.audit.joined import Joined, claims, joined
from fpmg_bench.report.blocks import Cell, Prose
from fpmg_bench.report.measures import epsilon, holds
from fpmg_bench.report.read import TrialFiles
from fpmg_bench.report.view import Method, View
from fpmg_bench.report.wording import number

UNPROVED = (
    "Canaries refute or they do not; they never confirm. The lower bound is the largest of each seed's and of all seeds' canaries "
    "joined, at 95 % confidence for all of them together; the ceiling is what this audit could show at most."
)
SEEN = "A release is nearer to patients whom nobody was to train on than to those who were trained on: its scores on them say nothing."
REFUTED = "A formal ε of this run is refuted: it is no guarantee, whatever the ledger says."


def banner(view: View) -> list[Prose]:
    """Every claim that canaries, drawn batches or attacks refute, and who saw held-out patients; empty where there is none."""
    methods = [method for group in view.groups for method in group.methods]
    lines = list(dict.fromkeys(line for method in methods for _, line in refutations(method)))
    seen = list(dict.fromkeys(line for method in methods for line in held_out(method)))
    refuted = [Prose([REFUTED, *lines], "bad", "Privacy violation")] if lines else []
    return refuted + ([Prose([SEEN, *seen], "bad", "Held-out patients were seen")] if seen else [])


def held_out(method: Method) -> list[str]:
    """A line for every trial whose release knows people whom nobody was to train on."""
    return [f"{flag.trial}: {flag.text}." for _, flag in _flags(method) if flag.held_out]


def _flags(method: Method) -> Iterator[tuple[TrialFiles, Flag]]:
    by_id = {trial.id: trial for trial in method.done}
    return ((by_id[flag.trial], flag) for flag in flags([trial.record for trial in method.done]) if flag.trial in by_id)


def refutations(method: Method) -> Iterator[tuple[TrialFiles, str]]:
    """A line for every way in which a trial's own canaries, drawn batches or attacks contradict its ledger."""
    for trial, flag in _flags(method):
        if not flag.held_out:
            yield trial, f"{trial.id}: {flag.text} ({holds(method)}){_planted(trial.record.get('audit'))}."
    seeds = len(_audits(method))
    for trial, one in _joined(method):
        if one.violated:
            least, said = number(one.epsilon_lower, 2), f"{epsilon(one.formal)} {holds(method)}".strip()
            reported = f"{one.correct} of {one.guesses} guesses on {one.canaries} canaries were right"
            yield (
                trial,
                f"{one.dataset}/{one.method}: canaries of {one.runs} seeds show ε of at least {least}, {said} is claimed ({reported}).",
            )
    for trial in method.done:
        audit = trial.record.get("audit")
        if audit and bound.refuted(audit, seeds)[0]:
            least, formal = number(bound.together(audit, seeds)[0], 2), f"{epsilon(audit['formal'])} {holds(method)}".strip()
            reported = f"{audit['correct']} of {audit['guesses']} guesses on {audit['canaries']} canaries were right"
            yield trial, f"{trial.id}: canaries show ε of at least {least}, {formal} is claimed ({reported}){_planted(audit)}."
        for silo in trial.ledger.get("silos") or ():
            for line in sampling_checks.violations(silo):
                yield trial, f"{trial.id}, silo {silo.get('name', silo['silo'])}: {line}{_planted(audit)}."


def _joined(method: Method) -> Iterator[tuple[TrialFiles, Joined]]:
    """The audits of each claim together, with the first trial of it."""
    by_id = {trial.id: trial for trial in method.done}
    for group in claims([{**trial.record, "spec": trial.spec} for trial in method.done]):
        one = joined(group)
        if one is not None:
            yield by_id[str(group[0]["id"])], one


def _audits(method: Method) -> list[Mapping[str, Any]]:
    return [trial.record["audit"] for trial in method.done if trial.record.get("audit")]


def _planted(audit: Mapping[str, Any] | None) -> str:
    fault = (audit or {}).get("sabotage", "none")
    return "" if fault == "none" else f"; planted fault: {fault}"


def cell(method: Method) -> Cell:
    """The largest lower bound over seeds, with the ceiling and what it means; "not run" without canaries."""
    found = _audits(method)
    if not found:
        return Cell("not run", tone="muted")
    bounds = [bound.together(audit, len(found)) for audit in found]
    verdicts = [bound.refuted(audit, len(found)) for audit in found]
    (bad, said), (least, most), worst = max(zip(verdicts, bounds, found, strict=True), key=lambda each: (each[0][0], each[1]))
    right, guesses = worst["correct"], worst["guesses"]
    for _, one in _joined(method):
        if (one.violated, one.epsilon_lower, one.ceiling) > (bad, least, most):
            bad, said, least, most = one.violated, f"{one.words}, {one.runs} seeds joined", one.epsilon_lower, one.ceiling
            right, guesses = one.correct, one.guesses
    small = f"ceiling {number(most, 2)}\n{right} of {guesses} guesses right\n{said}{_planted(worst)}"
    return Cell(f"≥ {number(least, 2)}", small, least, "bad" if bad else "", UNPROVED)


def refuted(method: Method) -> bool:
    """Did any seed refute the method's claim?"""
    return any(True for _ in refutations(method))
