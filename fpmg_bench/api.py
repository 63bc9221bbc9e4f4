"""`fpmg_bench.run` and `fpmg_bench.load`: the functions behind the program's commands."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fpmg_bench.errors import ExitCode, on_this_machine
from fpmg_bench.results import Results

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry


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
) -> Results:
    """Run a suite (a file, or the name of one that ships); trials that are finished are kept.

    out: run directory, default runs/<suite>; jobs: trials at a time, default the number of cores; only: pytest's -k expression
    over dataset/method/seed; seeds: instead of the suite's; report: write report.html. transport "gloo": a process for every
    silo, `deadline` seconds a hop; on_dead: a dead silo ends the trial, or the others go on without it.
    isolate: trials as forks of processes that have imported and loaded, or each with an interpreter of its own; the same numbers.
    Raises SuiteError, PluginError or DatasetError before anything runs, MachineError where disk, rights or memory end it.
    Failed trials raise nothing: they are rows with a reason, and `Results.code` is not OK.
    """
    from fpmg_bench import runner
    from fpmg_bench.registry import Registry

    found = registry or Registry.discover()
    target = None if out is None else Path(out)
    wire = runner.Wire(transport, deadline, on_dead)
    how: dict[str, Any] = {"on_event": on_event, "wire": wire, "isolate": isolate}
    ended = runner.run(suite, registry=found, out=target, jobs=jobs, only=only, seeds=seeds, **how)
    results = Results(ended.run, ended.code, ended.counts)
    if report and ended.code not in (ExitCode.INTERRUPTED, ExitCode.NOTHING_MEASURED):
        with on_this_machine(lambda: True):
            write_report([results.path], registry=found)
    return results


def load(run: str | Path) -> Results:
    """The results of a run directory. Raises StoreError where it is none; warns where trials failed or are damaged on disk."""
    found = Results(Path(run))
    records = found.records()
    counts = Counter(record.status or "left" for record in records)
    troubled = {status: count for status, count in counts.items() if status not in ("ok", "left")}
    if troubled:
        told = ", ".join(f"{count} {status}" for status, count in troubled.items())
        text = f"{run}: {sum(troubled.values())} of {len(records)} trials have no numbers: {told} (Results.problems() says why)"
        warnings.warn(text, stacklevel=2)
    return replace(found, code=ExitCode.SOME_FAILED if troubled else ExitCode.OK, counts=dict(counts))


def write_report(
    runs: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    show_real: str | Path | None = None,
    markdown: str | Path | None = None,
    panels: Sequence[str] = (),
    registry: Registry | None = None,
) -> list[Path]:
    """Write the report of one or several runs and return the files. out: default report.html in the first run.

    show_real: a second file with real patients beside synthetic ones, marked so, which must lie outside the runs;
    markdown: a file with the tables and words of these panels (their ids; all for none).
    """
    from fpmg_bench import report
    from fpmg_bench.registry import Registry

    found = registry or Registry.discover()
    paths = [Path(run) for run in runs]
    return report.write(paths, out=out, show_real=show_real, markdown=markdown, panels=panels, registry=found)
