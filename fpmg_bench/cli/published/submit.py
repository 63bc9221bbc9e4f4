"""`fpmg-bench submit`: the bundle of a run, for others to check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """\b
Examples:
  fpmg-bench submit runs/leaderboard --to leaderboard.zip
  fpmg-bench verify leaderboard.zip
\b
The rules of the board: LEADERBOARD.md
"""


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", metavar="FILE.zip", help="The bundle; it must not exist.", show_default=False)],
    releases: Annotated[bool, typer.Option("--releases", help="With the synthetic patients of publishable cohorts.")] = False,
) -> None:
    """Make one file of a run: plan, suite, environment, each trial's record, ledger and keys, the table and the tests, with hashes.

    No patients, states, logs or reports. What could not be verified is refused: a trial that has not run, a changed file.
    Counts of patients by silo and class, and scores of real patients, are in it as in the report: no epsilon covers them.
    """
    from fpmg_bench.document.words import plural
    from fpmg_bench.report.wording import byte_size
    from fpmg_bench.submission import submit

    made = submit(run, to, releases=releases)
    typer.echo(
        f"{made.path}: {byte_size(made.bytes)}, {plural(made.files, 'file')}, of them {made.releases} of synthetic patients"
    )
    typer.echo(f"sha256 {made.sha256}")
    for name in made.withheld:
        typer.echo(f"releases of {name} stay here: its samples may not be shown (publishable: false)")
    typer.echo(f"fpmg-bench verify {made.path}")
