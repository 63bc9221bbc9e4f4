"""`fpmg-bench merge`: one run directory from several that were made apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """\b
Examples:
  fpmg-bench merge runs/a runs/b --out runs/both
\b
With a and b made by `fpmg-bench run SUITE --seeds 0,1` and `--seeds 2,3`, or by different -k, here or on other machines.
"""


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories of one suite.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Run directory to write; what it has stays.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Join run directories of one suite, made with the same versions and data; write results.parquet anew.

    A trial that several runs have finished must have the same results in all of them.
    """
    from fpmg_bench.cli import console
    from fpmg_bench.document import plural
    from fpmg_bench.runner.merge import merge

    merged = merge(runs, out)
    for damage in merged.damaged:
        console.note(f"damaged, left out: {damage}")
    if json:
        return console.emit({"run": str(merged.run), "trials": merged.trials, "twice": merged.twice, "damaged": merged.damaged})
    typer.echo(f"{plural(merged.trials, 'finished trial')}, {merged.twice} of them in several runs")
    typer.echo(merged.run / "results.parquet")
    return None
