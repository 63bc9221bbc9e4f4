"""`fpmg-bench audit`: recompute every ledger of a run, and hold its formal epsilon against its canaries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpmg_bench.document.words import plural
from fpmg_bench.errors import ExitCode

if TYPE_CHECKING:
    from fpmg_bench.audit.recompute import Recomputed
    from fpmg_bench.store import TrialRecord

EPILOG = """\b
Examples:
  fpmg-bench audit runs/privacy
  fpmg-bench audit runs/privacy --json
  fpmg-bench audit runs/audit-1 runs/audit-2 runs/audit-3
"""


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recompute the privacy ledger of every trial from its entries, with Opacus' PRV and RDP accountants and Google's PLD, and read its canaries.

    The third accountant is an extra: pip install 'fpmg-bench[audit]'. Beside each epsilon stands whether its noise is simulated or secure.

    Exit code 6 where the accountants disagree, a trial states less than its entries cost, spent more than the suite allows, charged fewer steps than it
    took, drew batches that are no Poisson samples at the rate it was charged for, claims privacy without a ledger, or where
    the lower bound of a canary audit is above the formal epsilon, or an attack above what epsilon and delta permit, at 95 % confidence
    for all of a method together; and where held-out patients were seen: the release is nearer to them than to those trained on.
    Exit code 1 where nothing is in violation but trials are damaged on disk (the same run mends them) or private ones failed, which
    is no violation: they are named.
    Trials without `privacy` claim nothing: their epsilon is infinite. An audit that refutes nothing proves nothing.
    Audited trials that differ in the seed alone, of all these runs, are joined: their canaries refute a larger epsilon together.
    """
    from dataclasses import asdict

    from fpmg_bench.audit.bound import refuted
    from fpmg_bench.audit.joined import claims, joined
    from fpmg_bench.audit.recompute import recompute
    from fpmg_bench.cli import console
    from fpmg_bench.privacy.claim import words as claim_words
    from fpmg_bench.results import Results
    from fpmg_bench.store import DAMAGED

    records, again = _records(runs)
    damaged = {record.trial.id: record.reason for record in records if record.status == DAMAGED}
    ended = [record for record in records if record.status in ("failed", "timeout")]
    failed = {record.trial.id: record.reason for record in ended if record.trial.spec.privacy}
    done = [record for record in records if record.status == "ok"]
    trials = [dict(record.result or {}) for record in done]
    audits = [audit for record in done for audit in recompute(record.result or {}, record.ledger, record.rounds)]
    groups = claims(trials)
    again += sum(bool(trial.get("audit")) for trial in trials) - sum(map(len, groups))
    canaries = [_canary(trial, *refuted(trial["audit"], len(group))) for group in groups for trial in group]
    together = [{**one.record(), "holds": claim_words(group[0])} for group in groups if (one := joined(group))]
    red = list(dict.fromkeys(line for run in runs for line in Results(run).red_flags()))
    violated = (
        sum(bool(audit.violations) for audit in audits) + sum(each["violated"] for each in (*canaries, *together)) + len(red)
    )
    if json:
        found = {"audits": [asdict(audit) for audit in audits], "canaries": canaries, "joined": together, "red_flags": red}
        console.emit({**found, "trials": len(trials), "violations": violated, "damaged": damaged, "failed": failed})
    else:
        _ledgers(runs, audits)
        _canaries(canaries)
        _joined(together)
        _beside(again, red)
        without = sum(not trial["spec"].get("privacy") for trial in trials)
        text = f"{plural(len(audits), 'ledger')}, {plural(len(canaries), 'canary audit')}, {violated} in violation"
        counts = f"{plural(without, 'trial')} without privacy (epsilon infinite); {plural(len(damaged), 'trial')} damaged on disk"
        typer.echo(f"{text}; {counts}; {plural(len(failed), 'private trial')} failed")
        for what, trials_so in (("damaged", damaged), ("failed", failed)):
            for id, why in trials_so.items():
                typer.echo(f"not audited, {what}: {id}: {why}")
    if violated or damaged or failed:
        raise typer.Exit(ExitCode.REGRESSION if violated else ExitCode.SOME_FAILED)


def _beside(again: int, red: Sequence[str]) -> None:
    """Trials that do not count twice, and red flags."""
    if again:
        typer.echo(f"{plural(again, 'trial')} left out: the same trial, or the same seed of a claim, once more")
    for line in red:
        typer.echo(f"red flag: {line}")


def _records(runs: Sequence[Path]) -> tuple[list[TrialRecord], int]:
    """The records of all runs, those of one key once; and how many were there again."""
    from fpmg_bench.results import Results

    records = [record for run in runs for record in Results(run).records()]
    first = {record.trial.key: record for record in reversed(records)}
    return [record for record in records if first[record.trial.key] is record], len(records) - len(first)


def _canary(trial: Mapping[str, Any], bad: bool, words: str) -> dict[str, Any]:
    """An audit's line: its own numbers, and its verdict among all of its claim."""
    from fpmg_bench.audit.bound import needed
    from fpmg_bench.audit.joined import takes
    from fpmg_bench.privacy.claim import words as claim_words

    audit = trial["audit"]
    if audit["ceiling"] <= float(audit["formal"]) < math.inf:
        words += f": {takes(needed(float(audit['formal']), audit['delta'], audit['guesses'] / audit['canaries']))}"
    return {"trial": trial["id"], **audit, "holds": claim_words(trial), "violated": bad, "words": words}


def _joined(found: Sequence[Mapping[str, Any]]) -> None:
    from fpmg_bench.cli import console

    if not found:
        return
    columns = ("claim", "runs", "scorer", "right", "guesses", "canaries", "lower bound", "ceiling", "formal", "holds", "verdict")
    keys = ("runs", "scorer", "correct", "guesses", "canaries", "epsilon_lower", "ceiling", "formal", "holds", "words")
    rows = [(f"{each['dataset']}/{each['method']}", *(each[key] for key in keys)) for each in found]
    console.table("Canaries of several runs joined", columns, rows, right=(columns[1], *columns[3:-2]))


def _ledgers(runs: Sequence[Path], audits: Sequence[Recomputed]) -> None:
    from fpmg_bench.cli import console

    columns = ("trial", "silo", "stated", "PRV", "PLD", "RDP", "budget", "delta", "holds", "verdict")
    rows = [
        (
            a.trial,
            a.silo,
            a.stated,
            a.prv,
            "-" if a.pld is None else a.pld,
            a.rdp,
            a.budget,
            a.delta,
            a.holds,
            "VIOLATION" if a.violations else "ok",
        )
        for a in audits
    ]
    console.table(f"Ledgers recomputed: {', '.join(map(str, runs))}", columns, rows, right=columns[2:-2])
    if any(a.pld is None and not math.isnan(a.prv) for a in audits):
        typer.echo("PLD: not checked, dp-accounting is not installed (pip install 'fpmg-bench[audit]')")
    for audit in audits:
        for line in audit.violations:
            typer.echo(f"violation: {audit.trial}, silo {audit.silo}: {line}")


def _canaries(found: Sequence[Mapping[str, Any]]) -> None:
    from fpmg_bench.cli import console

    if not found:
        return
    columns = ("trial", "scorer", "right", "guesses", "canaries", "lower bound", "ceiling", "formal", "holds", "verdict")
    keys = ("trial", "scorer", "correct", "guesses", "canaries", "epsilon_lower", "ceiling", "formal", "holds", "words")
    rows = [tuple(float(each[key]) if key == "formal" else each[key] for key in keys) for each in found]
    console.table("Canaries: a lower bound on epsilon at 95 % confidence", columns, rows, right=columns[2:-2])
