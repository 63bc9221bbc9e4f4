"""`fpmg-bench run`: from a suite to a results table and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

EPILOG = """\b
Examples:
  fpmg-bench run smoke
  fpmg-bench run suites/multimodal.yaml --jobs 2
  fpmg-bench run suites/multimodal.yaml -k "fpmg and iu-cxr" --seeds 0,1
  fpmg-bench run smoke --out runs/again --json
  fpmg-bench run multimodal --scheduler tcp://HOST:8786
  fpmg-bench run smoke --final fpmg
  fpmg-bench run smoke --track tensorboard
  fpmg-bench run smoke --debug -k "fpmg and not modal"
\b
Finished trials are kept: the same command goes on where it was stopped, and an edited suite runs only what is new.
"""

Only = Annotated[
    str | None, typer.Option("-k", metavar="EXPR", help="Only trials whose id dataset/method/seed matches, as pytest's -k.")
]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="N,N,...", help="These seeds instead of the suite's.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="Trials at a time. [default: number of cores]", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; progress goes to standard error.")]
Joined = Annotated[
    Literal["inproc", "gloo"], typer.Option("--transport", help="All silos in one process, or a process for every silo.")
]
Deadline = Annotated[float, typer.Option("--deadline", min=0.1, help="Seconds that a hop of gloo may take.")]
OnDead = Annotated[
    Literal["stop", "close-ring"], typer.Option("--on-dead", help="A silo's death ends the trial, or the others go on.")
]
Isolated = Annotated[
    Literal["warm", "fresh"],
    typer.Option(
        "--isolate", help="Trials as forks of processes that have imported and loaded, or each with an interpreter of its own."
    ),
]
Device = Annotated[
    str | None,
    typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps. [default: limits.device]", show_default=False),
]
PerDevice = Annotated[int, typer.Option("--jobs-per-device", min=1, help="Trials at a time on one device that is no CPU.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS", help="Run trials on a Dask cluster: tcp://HOST:PORT, or local:N.", show_default=False
    ),
]
SuiteName = Annotated[
    str, typer.Argument(metavar="SUITE", help="A suite file, or the name of one that ships.", show_default=False)
]


def command(
    suite: SuiteName,
    only: Only = None,
    seeds: Seeds = None,
    jobs: Jobs = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run directory. [default: runs/<suite>]", show_default=False)] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html at the end.")] = True,
    json: Json = False,
    transport: Joined = "inproc",
    deadline: Deadline = 60.0,
    on_dead: OnDead = "stop",
    isolate: Isolated = "warm",
    device: Device = None,
    jobs_per_device: PerDevice = 1,
    scheduler: Scheduler = None,
    final: Annotated[
        str | None,
        typer.Option(
            "--final",
            metavar="METHOD",
            help="Train METHOD once on all patients, nobody held out, for `release`.",
            show_default=False,
        ),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            "--track", metavar="NAME", help="Also tell tensorboard, mlflow or wandb; may be repeated.", show_default=False
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Run the one trial that -k chooses in this process, with pdb where it fails.")
    ] = False,
) -> None:
    """Run every trial of SUITE that is not finished, then write results.parquet and report.html; the best rows are printed at the end.

    Exit code 6 where an attack's lower limit is above what the trial's epsilon and delta permit, or where held-out patients were seen.
    """
    if debug:
        from fpmg_bench.cli.debug import debug as one

        raise typer.Exit(one(suite, only, numbers(seeds), device))
    from fpmg_bench import api
    from fpmg_bench.cli import console, ending
    from fpmg_bench.cli.progress import watching
    from fpmg_bench.errors import on_this_machine

    with watching() as tell:
        joined: dict[str, Any] = {"transport": transport, "deadline": deadline, "on_dead": on_dead, "isolate": isolate}
        joined |= {"device": device, "jobs_per_device": jobs_per_device, "scheduler": scheduler, "final": final}
        joined |= {"track": track or ()}
        results = api.run(suite, out=out, jobs=jobs, only=only, seeds=numbers(seeds), on_event=tell, report=report, **joined)
    with on_this_machine(lambda: True):
        ending.tell(results, json)
        console.flush()
    raise typer.Exit(results.code)


def numbers(text: str | None) -> tuple[int, ...] | None:
    """Seeds of the command line: "0,1,2"."""
    if text is None:
        return None
    from fpmg_bench.document import brief
    from fpmg_bench.errors import SuiteError

    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError as error:  # also a number of thousands of digits
        raise SuiteError(brief(f"--seeds {text}: no list of whole numbers"), "--seeds 0,1,2") from error
