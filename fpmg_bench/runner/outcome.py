"""A suite from its plan to its results table."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fpmg_bench.errors import ExitCode, SuiteError, on_this_machine
from fpmg_bench.results import Results
from fpmg_bench.run_table import rebuilt
from fpmg_bench.runner.devices import Seats
from fpmg_bench.runner.execute import Execution, Tell
from fpmg_bench.runner.mending import mend
from fpmg_bench.runner.order import Queue
from fpmg_bench.runner.outdated import why
from fpmg_bench.runner.planning import RunPlan, plan
from fpmg_bench.runner.processes import Fresh, Processes
from fpmg_bench.runner.usage import keep_costs, total_memory
from fpmg_bench.runner.wire import Wire
from fpmg_bench.store import FINAL_TRIALS, Planned, RunDir, cores, only_writer, write_table

if TYPE_CHECKING:
    import pandas as pd

    from fpmg_bench.registry import Registry
    from fpmg_bench.suite import Suite


INPROC = Wire()
SHARE = 0.8  # of the machine's memory, for all jobs together


class Work(Protocol):
    """The running of a plan's trials, wherever they run. Called once: False if interrupted."""

    status: dict[str, str]  # key -> how it ended
    used: dict[str, float]  # CPU seconds of processes that are no trial's
    lost: list[str]  # trials that were started again, since a process of theirs was killed from outside

    @property
    def running(self) -> Sequence[Any]:
        """What has begun and not ended."""
        ...

    def __call__(self) -> bool: ...


class Elsewhere(Protocol):
    """Other machines: gives the work on these trials, whose files come back into this run directory."""

    @property
    def slots(self) -> int:
        """Trials at a time."""
        ...

    def work(self, run: RunDir, trials: Sequence[Planned], made: RunPlan, tell: Tell, wire: Wire) -> Work: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. counts: ok, failed, timeout (of this call), kept (finished before), left, refused, skipped."""

    code: ExitCode
    run: Path
    counts: Mapping[str, int]


def run(
    suite: Suite | str | Path,
    *,
    registry: Registry,
    out: Path | None = None,
    jobs: int | None = None,
    only: str | None = None,
    seeds: Sequence[int] | None = None,
    on_event: Tell | None = None,
    wire: Wire = INPROC,
    device: str | None = None,
    jobs_per_device: int = 1,
    elsewhere: Elsewhere | None = None,
    final: str | None = None,
) -> Outcome:
    """Plan a suite, compute what is not finished, write results.parquet. Defaults: runs/<suite>, as many jobs as cores.

    on_event gets dicts whose "event" is plan, start, stage, round, score, note, stage1, done, end or progress; all but plan,
    progress and notes on the whole run carry "trial". KeyboardInterrupt in it, or Ctrl-C, ends the run with code 130 and leaves it resumable.
    elsewhere: a cluster (`fpmg_bench.cluster.connected`) instead of this machine's jobs. final: only this method, on all patients,
    in the folder `final` of the run.
    """
    made = plan(suite, registry, only=only, seeds=seeds, device=device, jobs_per_device=jobs_per_device, final=final)
    root = Path(out) if out is not None else Path("runs") / made.suite.name
    target = RunDir(root / FINAL_TRIALS if final else root)
    return carry_out(made, target, registry, jobs or cores(), on_event or _silent, wire, elsewhere)


def carry_out(
    made: RunPlan,
    target: RunDir,
    registry: Registry,
    jobs: int,
    on_event: Tell,
    wire: Wire = INPROC,
    elsewhere: Elsewhere | None = None,
) -> Outcome:
    """Write a plan as the run directory's only writer, say what is damaged there, compute what is not finished."""
    target.check_owner(made.suite.name)
    with only_writer(target.root, wait=False):
        tell = _observed(target, registry, on_event)
        made = joined(made, target, registry, wire)
        mend(made, target, tell)
        if changed := why(made.trials, made.preimages, target):
            tell({"event": "note", "text": changed})
        made = made.keep(target)
        made.write(target)
        for text in made.notes:
            tell({"event": "note", "text": text})
        return compute(made, target, jobs, tell, wire=wire, elsewhere=elsewhere)


def joined(made: RunPlan, run: RunDir, registry: Registry, wire: Wire) -> RunPlan:
    """Without the trials that are still to run and cannot with this transport."""
    if wire.kind == "inproc":
        return made
    from fpmg_bench.suite import Refusal
    from fpmg_bench.trial.ranks import refusal

    reasons = {}
    for trial in made.trials:
        if trial.id in made.selected and not run.finished(trial):
            topology = registry.build("topology", trial.spec.topology) if trial.spec.topology else None
            reasons[trial.id] = refusal(trial.spec, topology)
    refused = {id: reason for id, reason in reasons.items() if reason}
    return replace(
        made,
        trials=tuple(trial for trial in made.trials if trial.id not in refused),
        selected=made.selected - refused.keys(),
        refusals=(*made.refusals, *(Refusal(id, reason) for id, reason in refused.items())),
    )


def compute(
    made: RunPlan,
    run: RunDir,
    jobs: int,
    tell: Tell,
    command: Callable[[Planned], Sequence[str]] | None = None,
    wire: Wire = INPROC,
    elsewhere: Elsewhere | None = None,
) -> Outcome:
    """Execute the selected trials of a written plan that are not finished, then collect.

    command: argument vector of a trial's own interpreter; None for forks of warm processes, where the system forks safely.
    """
    if jobs < 1:
        raise SuiteError(f"{jobs} jobs: at least 1 is needed", "--jobs 1")
    kept = {trial.key for trial in made.trials if run.finished(trial)}
    todo = [trial for trial in made.trials if trial.id in made.selected and trial.key not in kept]
    size = {"trials": len(made.trials), "todo": len({t.key for t in todo}), "kept": len(made.trials) - len(todo)}
    tell({"event": "plan", "jobs": elsewhere.slots if elsewhere else jobs, **size})
    stop = made.suite.limits.on_error == "stop"
    work: Work = (
        elsewhere.work(run, todo, made, tell, wire)
        if elsewhere
        else execution(
            run,
            todo,
            made.preimages,
            jobs,
            tell,
            wire,
            stop_on_error=stop,
            command=command,
            memory=made.suite.limits.memory,
            seats=made.seats,
        )
    )
    with on_this_machine(lambda: bool(work.status or work.running)):
        whole = work()
        if todo:
            told = keep_costs(run, work.used, work.lost)
            if told:
                tell({"event": "note", "text": told})
        table = write_results(run)
    counts = dict.fromkeys(("ok", "failed", "timeout", "left"), 0) | Counter(work.status.get(trial.key, "left") for trial in todo)
    counts |= {"kept": size["kept"], "refused": len(made.refusals), "skipped": len(made.skipped)}
    return Outcome(_code(whole, counts, table, run), run.root, counts)


def execution(
    run: RunDir,
    trials: Sequence[Planned],
    preimages: Mapping[str, Mapping[str, Any]],
    jobs: int,
    tell: Tell,
    wire: Wire = INPROC,
    *,
    stop_on_error: bool = False,
    command: Callable[[Planned], Sequence[str]] | None = None,
    memory: float | None = None,
    seats: Seats | None = None,
) -> Execution:
    """The work on these trials on this machine. memory: bytes a trial; None: four fifths of the machine over the jobs."""
    return Execution(
        run=run,
        queue=Queue.of(trials, run.stage1_ready),
        jobs=jobs,
        processes=_processes(run, trials, wire, command, tell),
        tell=tell,
        preimages=preimages,
        stop_on_error=stop_on_error,
        memory=memory or SHARE * total_memory() / jobs,
        seats=seats or Seats(),
    )


def _processes(
    run: RunDir, trials: Sequence[Planned], wire: Wire, command: Callable[[Planned], Sequence[str]] | None, tell: Tell
) -> Processes:
    """Forks of warm processes where the system forks safely, unless each trial is to have an interpreter or a command of its own."""
    fresh = Fresh(command or (lambda trial: [*subprocess_command(run, trial), *wire.words()]))
    if command is not None or not wire.warm:
        return fresh
    from fpmg_bench.runner.warm import Warm

    return Warm.of(run, fresh, trials, tell)


def subprocess_command(run: RunDir, trial: Planned) -> list[str]:
    """The argument vector of a trial's subprocess; -P: nothing is imported from the folder that it happens to run in."""
    return [sys.executable, "-P", "-m", "fpmg_bench.runner", str(run.root), trial.key]


def write_results(run: RunDir) -> pd.DataFrame:
    """results.parquet, and the table in it, from the trials' files."""
    table = rebuilt(run)
    write_table(run.results, table)
    return table


def _code(whole: bool, counts: Mapping[str, int], table: pd.DataFrame, run: RunDir) -> ExitCode:
    if not whole:
        return ExitCode.INTERRUPTED
    final = {trial.spec.final for trial in run.trials()} == {True}  # which nothing is measured of
    if not final and not ((table["status"] == "ok") & (table["round"] == -1)).any():
        return ExitCode.NOTHING_MEASURED
    if Results(run.root).red_flags():
        return ExitCode.REGRESSION
    troubled = (table["status"].isin(["failed", "timeout"])).any() or any(counts.get(n, 0) for n in ("failed", "timeout", "left"))
    return ExitCode.SOME_FAILED if troubled else ExitCode.OK


def _observed(run: RunDir, registry: Registry, on_event: Tell) -> Tell:
    """Events also reach the observers of plug-ins; their failures are told, and change nothing."""
    keys: dict[str, str] = {}

    def tell(event: dict[str, Any]) -> None:
        on_event(event)
        for problem in _notify(run, registry, event, keys):
            on_event({"event": "note", "trial": event.get("trial"), "text": problem})

    return tell


def _notify(run: RunDir, registry: Registry, event: Mapping[str, Any], keys: dict[str, str]) -> list[str]:
    if event["event"] == "round":
        record = {name: value for name, value in event.items() if name not in ("event", "trial")}
        return registry.notify("fpmg_round_end", trial=event["trial"], record=record)
    if event["event"] == "end":
        if not keys:
            keys.update((trial.id, trial.key) for trial in run.trials())
        return registry.notify("fpmg_trial_end", trial=event["trial"], result=run.result(keys[event["trial"]]))
    return []


def _silent(event: dict[str, Any]) -> None:
    """Events that nobody wants."""
