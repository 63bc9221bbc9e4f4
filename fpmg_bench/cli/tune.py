"""`fpmg-bench tune`: a study over one method's parameters, inside the development set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpmg_bench.cli.run import Device, Jobs, Json, PerDevice, Scheduler, SuiteName
from fpmg_bench.errors import ExitCode

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite import Suite
    from fpmg_bench.tune import Tuned

EPILOG = """\b
Examples:
  fpmg-bench tune suites/tuning.yaml
  fpmg-bench tune suites/tuning.yaml --trials 20 --jobs 2
  fpmg-bench tune suites/tuning.yaml --apply
  fpmg-bench tune suites/tuning.yaml --scheduler tcp://HOST:8786
"""


def command(
    suite: SuiteName,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="Proposals in all, instead of the suite's.")] = None,
    jobs: Jobs = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run directory. [default: runs/<suite>-tune]", show_default=False)
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write <suite>-tuned.yaml with the best parameters.")] = False,
    json: Json = False,
    device: Device = None,
    jobs_per_device: PerDevice = 1,
    scheduler: Scheduler = None,
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="URL", help="Keep the study in this database (Optuna's RDB), not in a journal."),
    ] = None,
) -> None:
    """Tune the method named in SUITE's `tune` section with Optuna's TPE; go on where an earlier call stopped.

    Trials use only the development set (`tune.holdout`); cohorts under 300 patients are never tuned. With several objectives the
    Pareto front is printed, and its member nearest to the ideal point is the best (objectives scaled to
    their ranges over all proposals).
    """
    from fpmg_bench import api
    from fpmg_bench.cli.progress import watching
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite import load_suite
    from fpmg_bench.tune import tune

    registry = Registry.discover()
    read = load_suite(suite)
    where: dict[str, Any] = {"device": device, "jobs_per_device": jobs_per_device, "study": study}
    with watching() as tell, api.cluster(scheduler) as elsewhere:
        tuned = tune(read, registry, out=out, jobs=jobs, trials=trials, on_event=tell, elsewhere=elsewhere, **where)
    written = _apply(read, tuned, registry) if apply and tuned.best else None
    _tell(tuned, written, json)
    if tuned.best is None:
        raise typer.Exit(ExitCode.NOTHING_MEASURED)


def _apply(suite: Suite, tuned: Tuned, registry: Registry) -> Path:
    """Beside the suite, or in this folder for one that ships: its own folder belongs to the installation."""
    from importlib.resources import files

    from fpmg_bench.store import write_bytes
    from fpmg_bench.tune import tuned_suite

    assert tuned.best is not None
    folder = Path() if suite.source.parent == Path(str(files("fpmg_bench"))) / "suites" else suite.source.parent
    target = folder / f"{suite.source.stem}-tuned.yaml"
    write_bytes(target, tuned_suite(suite, tuned.best.params, registry).encode())
    return target


def _tell(tuned: Tuned, written: Path | None, json: bool) -> None:
    from dataclasses import asdict

    from fpmg_bench.cli import console

    if json:
        proposals = [asdict(p) | {"front": p.number in tuned.front} for p in tuned.proposals]
        best = asdict(tuned.best) if tuned.best else None
        files = {"run": str(tuned.run), "journal": str(tuned.journal), "suite": str(written) if written else None}
        return console.emit({"proposals": proposals, "best": best, "skipped": tuned.skipped, **files})
    for name, reason in tuned.skipped.items():
        typer.echo(f"not tuned: {name}: {reason}")
    names = list(dict.fromkeys(name for p in tuned.proposals for name in p.values))
    rows = [
        (
            p.number,
            "best" if p is tuned.best else "front" if p.number in tuned.front else "",
            *(p.values.get(n) for n in names),
            _settings(p.params),
            p.reason,
        )
        for p in tuned.proposals
    ]
    console.table("Proposals", ("#", "", *names, "parameters", "note"), rows, right=("#", *names))
    for path in (written, tuned.run, tuned.journal):
        if path is not None:
            typer.echo(path)
    return None


def _settings(params: object) -> str:
    from fpmg_bench.cli.console import text_of

    assert isinstance(params, dict)
    return ", ".join(f"{path}={text_of(value)}" for path, value in params.items())
