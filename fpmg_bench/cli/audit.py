"""`fpmg-bench audit`: recompute every ledger of a run with two accountants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fpmg_bench.errors import ExitCode

EPILOG = """\b
Examples:
  fpmg-bench audit runs/privacy
  fpmg-bench audit runs/privacy --json
"""


def command(
    run: Annotated[Path, typer.Argument(help="A run directory.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recompute the privacy ledger of every trial from its entries, with Opacus' PRV and RDP accountants.

    Exit code 6 where a trial states less than its entries cost, spent more than the suite allows, charged fewer steps than it
    took, or claims privacy without a ledger. Trials without `privacy` claim nothing: their epsilon is infinite.
    """
    from dataclasses import asdict

    from fpmg_bench.api import load
    from fpmg_bench.cli import console
    from fpmg_bench.recount import recount
    from fpmg_bench.store import read_rounds

    results = load(run)
    trials = results.trials()
    audits = [
        audit
        for trial in trials
        for audit in recount(trial, results.ledger(trial["key"]), read_rounds(run / "trials" / trial["key"] / "rounds.jsonl"))
    ]
    violated = [audit for audit in audits if audit.violations]
    if json:
        console.emit({"audits": [asdict(audit) for audit in audits], "trials": len(trials), "violations": len(violated)})
    else:
        columns = ("trial", "silo", "stated", "PRV", "RDP", "budget", "delta", "verdict")
        rows = [
            (a.trial, a.silo, a.stated, a.prv, a.rdp, a.budget, a.delta, "VIOLATION" if a.violations else "ok") for a in audits
        ]
        console.table(f"Ledgers recomputed: {run}", columns, rows, right=columns[2:-1])
        for audit in violated:
            for line in audit.violations:
                typer.echo(f"violation: {audit.trial}, silo {audit.silo}: {line}")
        without = sum(not trial["spec"].get("privacy") for trial in trials)
        typer.echo(f"{len(audits)} ledgers, {len(violated)} in violation; {without} trials without privacy (epsilon infinite)")
    if violated:
        raise typer.Exit(ExitCode.REGRESSION)
