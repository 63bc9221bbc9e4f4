"""`fpmg-bench verify`: what can be recomputed of a bundle, and what cannot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpmg_bench.errors import ExitCode

if TYPE_CHECKING:
    from fpmg_bench.submission import Verified

EPILOG = """\b
Examples:
  fpmg-bench verify leaderboard.zip
  fpmg-bench verify leaderboard.zip --to theirs
  fpmg-bench compare theirs runs/leaderboard
"""
SHOWN = 10  # problems of one check


def command(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="What `submit` made.", show_default=False)],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Keep it unpacked, as a run that report and compare read.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recompute hashes, the plan from the suite, keys from specifications, epsilons from ledgers, the table from records, tests from the table.

    Exit code 6 where anything in the bundle contradicts anything else. What no recomputing can tell is said: the numbers of training.
    Nothing of a bundle is executed or unpickled, no plug-in is loaded for it, and it cannot write outside the folder.
    """
    from dataclasses import asdict

    from fpmg_bench.cli import console
    from fpmg_bench.submission import verify

    found = verify(bundle, to)
    if json:
        console.emit({**asdict(found), "sound": found.sound})
    else:
        _told(bundle, found)
    if not found.sound:
        raise typer.Exit(ExitCode.REGRESSION)


def _told(bundle: Path, found: Verified) -> None:
    from fpmg_bench.cli import console
    from fpmg_bench.document.words import plural
    from fpmg_bench.report.wording import byte_size

    rows = [("CONTRADICTED" if c.problems else "ok", c.name, c.counted) for c in found.checks]
    console.table(
        f"{bundle}: suite {found.suite}, {plural(found.files, 'file')}, {byte_size(found.bytes)}", ("", "check", "of"), rows
    )
    for check in found.checks:
        for line in check.problems[:SHOWN]:
            typer.echo(f"{check.name}: NO: {line}")
        if len(check.problems) > SHOWN:
            typer.echo(f"{check.name}: and {len(check.problems) - SHOWN} more (--json has all)")
    for line in found.unknown:
        typer.echo(f"not known: {line}")
