"""`fpmg-bench compare`: two runs, or two methods, metric by metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fpmg_bench.errors import ExitCode, SuiteError

if TYPE_CHECKING:
    from fpmg_bench.comparison import Row, Side

EPILOG = """\b
Examples:
  fpmg-bench compare runs/before runs/after
  fpmg-bench compare runs/multimodal:fpmg runs/multimodal:fedavg --metric rg --metric tstr
  fpmg-bench compare runs/before runs/after --metric tstr --check --json
  fpmg-bench compare runs/a:centralized runs/a:fpmg --metric tstr --margin tstr=0.05
"""
GONE = ("failed", "not measured")
UNTESTED = ("not ranked", *GONE)


def command(
    a: Annotated[str, typer.Argument(metavar="A", help="RUN, or RUN:METHOD.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="RUN, or RUN:METHOD.", show_default=False)],
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Only this score; may be repeated.")] = None,
    margin: Annotated[
        list[str] | None, typer.Option("--margin", help="SCORE=VALUE: differences below it are none in practice.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 6 where B is worse than A in one of these scores, or failed one.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print mean [95 % interval over seeds] of A and B, the difference B - A paired by seed, and what B is.

    better, worse: the paired test tells them apart, adjusted within a score: corrected, since seeds share patients, or plain where
    every seed has patients of its own (the table says so). equivalent: certainly within the margin
    (a table of them: fpmg_bench/stats/losses.py). undecided: neither; "could find" is the smallest difference this table finds
    with power .8. Below five shared seeds a row is not ranked. Ratios are judged by |ln|, so 2 is as far from 1 as 1/2.
    failed: A measured it and none of B's trials could; a trial that B alone lost counts as a regression too.
    --check without --metric adjusts for the number of scores as well. Beside an epsilon stands whether its noise is simulated or secure.
    """
    from dataclasses import asdict

    from fpmg_bench.cli import console, damage
    from fpmg_bench.comparison import Side, alike, compare

    left, right = Side.parse(a), Side.parse(b)
    damage.tell([left.run, right.run])
    rows = compare(left, right, metric or (), dict(map(_margin, margin or [])))
    if json:
        console.emit([asdict(row) for row in rows])
    else:
        _print(f"A = {a}, B = {b}", rows)
        _lost((left, right))
        for words in alike(left, right):
            typer.echo(words)
    if check and (any(row.lost for row in rows) or _worse(rows, bool(metric))):
        raise typer.Exit(ExitCode.REGRESSION)
    if check and all(row.verdict in UNTESTED for row in rows):  # a check that could test nothing has not passed
        raise typer.Exit(ExitCode.NOTHING_MEASURED)


def _lost(sides: Sequence[Side]) -> None:
    """Where both sides lose patients: encoders, generator, decoders, a line each method, of the cohorts where any was measured."""
    from fpmg_bench.cli import console
    from fpmg_bench.report.quality.losses import NAMES, losses
    from fpmg_bench.report.read import read_run
    from fpmg_bench.report.view import view

    lines = []
    for name, side in zip("AB", sides, strict=True):
        seen = view([read_run(side.run)])
        for group in seen.groups:
            for method in group.ranked:
                found = losses(seen, group, method) if side.method in (None, method.name) else ()
                if any(each.mean is not None for each in found):
                    cells = [
                        "-" if x.mean is None else console.mean_of(x.mean, *(x.interval or (math.nan, math.nan))) for x in found
                    ]
                    lines.append((group.dataset, method.name, name, *cells))
    if lines:
        console.table(
            "where it is lost (0 is best; each in a unit of its own)",
            ("dataset", "method", "side", *NAMES),
            sorted(lines),
            right=NAMES,
        )


def _worse(rows: Sequence[Row], named: bool) -> bool:
    """Whether B is worse in a score that was named, or, with all of them tested, certainly so after Holm over scores."""
    from fpmg_bench.stats import ALPHA, holm

    tested = [row for row in rows if row.verdict not in UNTESTED and math.isfinite(row.p)]
    adjusted = [row.p for row in tested] if named else holm([row.p for row in tested])
    return any(row.verdict == "worse" and p < ALPHA for row, p in zip(tested, adjusted, strict=True))


def _margin(text: str) -> tuple[str, float]:
    from fpmg_bench.cli import console

    name, value = console.setting(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise SuiteError(f"--margin {text}: expected SCORE=VALUE with a value above 0", "--margin tstr=0.02")
    return name, float(value)


def _holds(row: Row) -> str:
    """What stands beside the epsilons of a row: once where both sides say the same."""
    a, b = row.holds
    return (
        a
        if a == b or row.verdict in GONE
        else "; ".join(f"{side}: {said or 'nothing is claimed'}" for side, said in zip("AB", (a, b), strict=True))
    )


def _print(title: str, rows: Sequence[Row]) -> None:
    from fpmg_bench.cli import console

    columns = ("dataset", "method", "score", "A", "B", "B - A", "seeds", "margin", "could find", "B is")
    epsilons = any(any(row.holds) for row in rows)
    cells = [
        (
            r.dataset,
            r.method,
            r.metric,
            console.mean_of(*r.a),
            console.mean_of(*r.b) if r.verdict not in GONE else "-",
            console.mean_of(r.difference, r.low, r.high) if r.verdict not in GONE else "-",
            r.seeds,
            "-" if r.margin is None else f"{r.margin:g}",
            f"{r.detectable:.3g}" if r.verdict not in GONE else "-",
            r.verdict,
            *([_holds(r)] if epsilons else []),
        )
        for r in rows
    ]
    console.table(title, (*columns, "epsilon holds") if epsilons else columns, cells, right=columns[3:9])
    if plain := ", ".join(dict.fromkeys(row.dataset for row in rows if row.test == "plain" and row.verdict not in UNTESTED)):
        typer.echo(f"plain paired t-test, since every seed has patients of its own: {plain}")
    if corrected := ", ".join(dict.fromkeys(row.dataset for row in rows if row.test != "plain" and row.verdict not in UNTESTED)):
        typer.echo(f"corrected resampled t-test: {corrected}")
    for reason in dict.fromkeys(row.reason for row in rows if row.reason):
        typer.echo(reason)
    scores = len({row.metric for row in rows if row.verdict not in UNTESTED})
    if scores > 5:
        typer.echo(f"{scores} scores were tested, each by itself: one in twenty may differ by chance. Name those you care about.")
