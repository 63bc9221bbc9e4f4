"""`fpmg_bench.run` and `fpmg_bench.load`: the functions behind the program's commands."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fpmg_bench.errors import ExitCode, StoreError, SuiteError, on_this_machine
from fpmg_bench.results import STATUSES, Results

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.runner import Elsewhere


def run(
    suite: str | Path,
    *,
    out: str | Path | None = None,
    jobs: int | None = None,
    only: str | None = None,
    seeds: Sequence[int] | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    registry: Registry | None = None,
    report: bool = True,
    transport: Literal["inproc", "gloo"] = "inproc",
    deadline: float = 60.0,
    on_dead: Literal["stop", "close-ring"] = "stop",
    isolate: Literal["warm", "fresh"] = "warm",
    device: str | None = None,
    jobs_per_device: int = 1,
    scheduler: str | None = None,
    final: str | None = None,
    track: Sequence[str] = (),
) -> Results:
    """Run a suite (a file, or the name of one that ships); trials that are finished are kept.

    out: run directory, default runs/<suite>; jobs: trials at a time, default the number of cores; only: pytest's -k expression
    over dataset/method/seed; seeds: instead of the suite's; report: write report.html. transport "gloo": a process for every
    silo, `deadline` seconds a hop; on_dead: a dead silo ends the trial, or the others go on without it. device: auto, cpu, cuda,
    cuda:N or mps, default the suite's; jobs_per_device: trials at a time on one device.
    isolate: trials as forks of processes that have imported and loaded, or each with an interpreter of its own; the same numbers.
    scheduler: tcp://HOST:PORT of a Dask cluster whose workers run the trials, or local:N. final: only this method, once a cohort,
    on all its patients, into <out>/final, for `release`; there is nothing to report of it. track: tensorboard, mlflow, wandb (extras)
    are told the rounds and results of trials that run now, below the run directory.
    Raises SuiteError, PluginError or DatasetError before anything runs, MachineError where disk, rights or memory end it.
    Failed trials raise nothing: they are rows with a reason, and `Results.code` is not OK.
    """
    from fpmg_bench import runner
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite import load_suite
    from fpmg_bench.tracking import tracked

    found = registry or Registry.discover()
    target = None if out is None else Path(out)
    name = load_suite(suite, found).name if track else ""
    wire = runner.Wire(transport, deadline, on_dead, isolate)
    how: dict[str, Any] = {"on_event": on_event, "wire": wire, "device": device, "jobs_per_device": jobs_per_device}
    with tracked(track, found, target or Path("runs") / name, name) as observed, cluster(scheduler, jobs) as elsewhere:
        ended = runner.run(
            suite, registry=observed, out=target, jobs=jobs, only=only, seeds=seeds, elsewhere=elsewhere, final=final, **how
        )
    results = Results(ended.run, ended.code, ended.counts)
    if report and not final and ended.code not in (ExitCode.INTERRUPTED, ExitCode.NOTHING_MEASURED):
        with on_this_machine(lambda: True):
            write_report([results.path], registry=found)
    return results


def resume(
    run: str | Path,
    *,
    scheduler: str | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    registry: Registry | None = None,
) -> Results:
    """Compute what a run directory's plan has and is not finished, here or on a cluster; of RUN/final the final trials.

    Raises StoreError where the suite that lies there gives these trials other keys now.
    """
    from fpmg_bench import runner
    from fpmg_bench.registry import Registry
    from fpmg_bench.store import RunDir, cores

    found, place = registry or Registry.discover(), RunDir(Path(run))
    keys = {trial.id: trial.key for trial in place.trials()}
    seeds = sorted({trial.spec.seed for trial in place.trials()})
    final = next((trial.spec.method for trial in place.trials() if trial.spec.final), None)
    made = runner.plan(place.root / "suite.yaml", found, seeds=seeds, final=final)
    if other := [id for id, key in keys.items() if {trial.id: trial.key for trial in made.trials}.get(id) != key]:
        raise StoreError(f"{run}: {other[0]} has another key now", f"run it again: {place.plan().get('command')}")
    made = replace(made, selected=frozenset(keys), command=str(place.plan().get("command") or made.command))
    with cluster(scheduler) as elsewhere:
        ended = runner.carry_out(made, place, found, cores(), on_event or (lambda event: None), elsewhere=elsewhere)
    return Results(ended.run, ended.code, ended.counts)


def cluster(scheduler: str | None, jobs: int | None = None) -> AbstractContextManager[Elsewhere | None]:
    """The cluster of `--scheduler`; nothing where none is named. SuiteError where jobs are given, too: workers have slots."""
    if scheduler is None:
        return nullcontext()
    if jobs is not None:
        raise SuiteError(
            "--jobs is of this machine, --scheduler of others", "`fpmg-bench worker --slots` says how many at a time"
        )
    from fpmg_bench.cluster import connected

    return connected(scheduler)


def load(run: str | Path) -> Results:
    """The results of a run directory. Raises StoreError where it is none; warns where trials failed or are damaged on disk."""
    found = Results(Path(run))
    counts = found.status()
    troubled = {status: counts[status] for status in ("failed", "timeout", "damaged") if counts[status]}
    if troubled:
        told = ", ".join(f"{count} {status}" for status, count in troubled.items())
        total = sum(counts[status] for status in STATUSES)
        text = f"{run}: {sum(troubled.values())} of {total} trials have no numbers: {told} (Results.problems() says why)"
        warnings.warn(text, stacklevel=2)
    whole = not troubled and not counts["left"]
    return replace(found, code=ExitCode.OK if whole else ExitCode.SOME_FAILED, counts=counts)


def write_report(
    runs: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    show_real: str | Path | None = None,
    markdown: str | Path | None = None,
    panels: Sequence[str] = (),
    pdf: str | Path | None = None,
    aggregates: bool = True,
    officer: str | Path | None = None,
    export: str | Path | None = None,
    registry: Registry | None = None,
) -> list[Path]:
    """Write the report of one or several runs and return the files. out: default report.html in the first run.

    show_real: a second file with real patients beside synthetic ones, marked so, which must lie outside the runs;
    markdown: a file with the tables and words of these panels (their ids; all for none); pdf: the page printed by a headless browser.
    aggregates: read the cohorts again and count real patients, ten a cell at least, beside synthetic ones; officer: a file with a page a method
    for a data officer; export: a new folder for the figures (SVG, PDF where a browser is) and tables (CSV, LaTeX) of the page, each a file.
    """
    from fpmg_bench import report
    from fpmg_bench.registry import Registry

    found = registry or Registry.discover()
    paths = [Path(run) for run in runs]
    more: dict[str, Any] = {"pdf": pdf, "aggregates": aggregates, "officer": officer, "export": export}
    return report.write(paths, out=out, show_real=show_real, markdown=markdown, panels=panels, registry=found, **more)


def write_over_time(
    runs: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    markdown: str | Path | None = None,
    panels: Sequence[str] = (),
    pdf: str | Path | None = None,
    export: str | Path | None = None,
) -> list[Path]:
    """Write a page of the headline scores of a suite's runs by date, and return the files. out: default over-time.html in the first run.

    Runs of other patients or seeds are told and stand apart; the rest is as for `write_report`.
    """
    from fpmg_bench import report

    paths = [Path(run) for run in runs]
    return report.write_over_time(paths, out=out, markdown=markdown, panels=panels, pdf=pdf, export=export)
