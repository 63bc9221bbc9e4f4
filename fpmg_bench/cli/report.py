"""`fpmg-bench report`: one self-contained HTML file of one or several runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

EPILOG = """\b
Examples:
  fpmg-bench report runs/smoke
  fpmg-bench report runs/multimodal runs/privacy --out both.html
  fpmg-bench report runs/multimodal --pdf multimodal.pdf
  fpmg-bench report runs/multimodal --export paper/multimodal
  fpmg-bench report runs/multimodal --show-real real-patients.html
  fpmg-bench report --over-time runs/2026-11 runs/2026-12 --out over-time.html
  fpmg-bench report runs/multimodal --markdown multimodal.md --panels verdict,leaderboard
"""


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File. [default: report.html, or over-time.html, in the first run]", show_default=False),
    ] = None,
    show_real: Annotated[
        Path | None,
        typer.Option("--show-real", help="Also write this file with real patients beside synthetic ones; outside the runs."),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", help="Also write the panels' tables and words as Markdown.", show_default=False),
    ] = None,
    pdf: Annotated[
        Path | None,
        typer.Option(
            "--pdf", help="Also print the page to this file, by a headless browser (chromium) on PATH.", show_default=False
        ),
    ] = None,
    panels: Annotated[
        str | None,
        typer.Option("--panels", metavar="ID,ID,...", help="Panels of --markdown. [default: all]", show_default=False),
    ] = None,
    officer: Annotated[
        Path | None,
        typer.Option("--officer", help="Also write this file: a page a method for a data officer, to print and to sign."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="DIR",
            help="Also write the page's figures (SVG and PDF) and tables (CSV and LaTeX) into this new folder, each a file, with a list.",
            show_default=False,
        ),
    ] = None,
    over_time: Annotated[
        bool,
        typer.Option(
            "--over-time",
            help="Instead of the report: the headline scores of a suite's runs by date, with commit and version of each.",
        ),
    ] = False,
    aggregates: Annotated[
        bool,
        typer.Option(
            "--aggregates/--no-aggregates", help="Read the cohorts again: counts of real patients beside synthetic ones."
        ),
    ] = True,
) -> None:
    """Write the report of the runs; it loads nothing from the network. Unfinished runs show what they have."""
    from fpmg_bench.api import write_over_time, write_report
    from fpmg_bench.cli import damage
    from fpmg_bench.report.export.folder import no_pdf

    if panels and markdown is None:
        raise typer.BadParameter("--panels chooses the panels of --markdown FILE, which is not given")
    ids = [name.strip() for name in (panels or "").split(",") if name.strip()]
    damage.tell(runs)
    files: dict[str, Any] = {"out": out, "markdown": markdown, "panels": ids, "pdf": pdf, "export": export}
    if over_time and (show_real or officer):
        raise typer.BadParameter("--over-time has no patients and no officer's page: not with --show-real or --officer")
    made = (
        write_over_time(runs, **files)
        if over_time
        else write_report(runs, show_real=show_real, officer=officer, aggregates=aggregates, **files)
    )
    for path in made:
        typer.echo(path)
    if export is not None and (why := no_pdf()):
        typer.echo(f"no PDFs: {why}", err=True)
