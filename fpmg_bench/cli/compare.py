"""`fpmg-bench compare`: two runs, or two methods, metric by metric."""

from __future__ import annotations

from typing import Annotated

import typer

from fpmg_bench.errors import ExitCode

EPILOG = """\b
Examples:
  fpmg-bench compare runs/before runs/after
  fpmg-bench compare runs/multimodal:fpmg runs/multimodal:fedavg --metric rg --metric tstr.gap
  fpmg-bench compare runs/before runs/after --check --json
"""


def command(
    a: Annotated[str, typer.Argument(metavar="A", help="RUN, or RUN:METHOD.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="RUN, or RUN:METHOD.", show_default=False)],
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Only this metric; may be repeated.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 6 where B is worse than A.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print mean [95 % interval over seeds] of A and B and the difference B - A, paired by seed.

    "better" and "worse" need five shared seeds and a corrected test; with fewer a row is "not ranked".
    """
    from dataclasses import asdict

    from fpmg_bench.cli import console
    from fpmg_bench.comparison import Side, compare

    rows = compare(Side.parse(a), Side.parse(b), metric or ())
    if json:
        console.emit([asdict(row) for row in rows])
    else:
        columns = ("dataset", "method", "metric", "A", "B", "B - A", "seeds", "verdict")
        cells = [
            (
                r.dataset,
                r.method,
                r.metric,
                console.mean_of(*r.a),
                console.mean_of(*r.b),
                console.mean_of(r.difference, r.low, r.high),
                r.seeds,
                r.verdict,
            )
            for r in rows
        ]
        console.table(f"A = {a}, B = {b}", columns, cells, right=columns[3:7])
        for reason in dict.fromkeys(row.reason for row in rows if row.reason):
            typer.echo(reason)
    if check and any(row.verdict == "worse" for row in rows):
        raise typer.Exit(ExitCode.REGRESSION)
