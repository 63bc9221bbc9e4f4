"""`fpmg-bench calibrate`: what the metrics said of the controls of finished calibration runs, and which of them passed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fpmg_bench.cli.run import Scheduler

EPILOG = """\b
Examples:
  fpmg-bench run calibration
  fpmg-bench calibrate runs/calibration runs/calibration_n
  fpmg-bench calibrate runs/calibration runs/calibration_n --html calibration.html --markdown calibration.md
  fpmg-bench calibrate runs/calibration --json
  fpmg-bench calibrate runs/calibration --scheduler tcp://HOST:8786
"""


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories.", show_default=False)],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the calibration panel as a page.", show_default=False)
    ] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the same as Markdown.", show_default=False)] = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the verdicts inside the package, for reports and `list`.")] = False,
    add: Annotated[bool, typer.Option("--add", help="Add to the verdicts that are kept instead of starting anew.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    scheduler: Scheduler = None,
) -> None:
    """Compute dose-response, power, false alarms, smallest usable n and the verdict of every score from calibration runs.

    A score is demoted where any declared bar is missed on any cohort. Scores without a measured bar are not calibrated.
    With --scheduler, trials of these runs that are not finished are computed there before.
    """
    from dataclasses import asdict

    from fpmg_bench import calibration
    from fpmg_bench.cli import console, damage
    from fpmg_bench.errors import StoreError

    if scheduler is not None:
        _finish(runs, scheduler)
    damage.tell(runs)
    found = calibration.responses(calibration.observe(runs))
    if not found:
        raise StoreError(f"{runs[0]}: no control has been measured", "fpmg-bench run calibration")
    kept = calibration.verdicts(found)
    made = calibration.made_by(runs)
    if json:
        console.emit({"made": made, "verdicts": {score: asdict(verdict) for score, verdict in kept.items()}})
    else:
        rows = [(v.score, v.word, f"{v.met}/{v.measured}", "; ".join(f.text for f in v.failures)) for v in kept.values()]
        console.table("Verdicts", ("score", "verdict", "bars met", "missed"), rows)
    if write:
        calibration.keep(*(calibration.added(kept, made) if add else (kept, made)))
    if markdown or html:
        from fpmg_bench.report import markdown as words
        from fpmg_bench.report import page
        from fpmg_bench.report.appendix import calibration as panel
        from fpmg_bench.store import write_bytes

        sections = [panel.section(found, made)]
        if markdown:
            write_bytes(markdown, words.render(sections, title="Calibration").encode())
        if html:
            write_bytes(html, page.render(sections, title="calibration", subtitle=str(made["command"])).encode())


def _finish(runs: list[Path], scheduler: str) -> None:
    """What is left of the runs, on the cluster. An interrupt ends the command."""
    from fpmg_bench import api
    from fpmg_bench.cli.progress import watching
    from fpmg_bench.errors import ExitCode

    with watching() as tell:
        for run in runs:
            if api.resume(run, scheduler=scheduler, on_event=tell).code is ExitCode.INTERRUPTED:
                raise typer.Exit(ExitCode.INTERRUPTED)
