"""`fpmg-bench run --debug`: one trial in this process, with Python's debugger where it fails."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from fpmg_bench.document.words import plural
from fpmg_bench.errors import ExitCode, NotApplicable, SuiteError

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.runner import RunPlan
    from fpmg_bench.store import Planned, RunDir

SHOWN = 5


def debug(suite: str, only: str | None, seeds: Sequence[int] | None, device: str | None) -> ExitCode:
    """Run the one trial that is chosen; pdb opens where it, or a metric of it, raised. Nothing is kept: it starts from its beginning.

    Raises SuiteError unless exactly one trial is chosen.
    """
    from fpmg_bench import runner
    from fpmg_bench.registry import Registry
    from fpmg_bench.runner.child import SINGLE_THREADED
    from fpmg_bench.store import RunDir

    for name, value in SINGLE_THREADED.items():  # before torch comes: the numbers of a trial's own process
        os.environ.setdefault(name, value)
    registry = Registry.discover()
    made = runner.plan(suite, registry, only=only, seeds=seeds, device=device)
    trial = the_one(made)
    with TemporaryDirectory(prefix="fpmg-debug-") as place:
        run = RunDir(Path(place) / "run")
        made.save(run)
        return _in_process(run, trial, registry)


def the_one(made: RunPlan) -> Planned:
    """The only selected trial. Raises SuiteError naming what there is to choose from."""
    chosen = [trial for trial in made.trials if trial.id in made.selected]
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        why = next((f": {each.id}: {each.reason}" for each in (*made.refusals, *made.skipped)), "")
        raise SuiteError(f"--debug: no trial that can run is chosen{why}", "choose another: -k and --seeds")
    ids = [trial.id for trial in chosen]
    more = f", ... ({plural(len(ids), 'trial')})" if len(ids) > SHOWN else ""
    words = " and ".join(chosen[0].id.split("/")[:2])
    hint = f'choose one: -k "{words}" --seeds {chosen[0].spec.seed}; there are {", ".join(ids[:SHOWN])}{more}'
    raise SuiteError(f"--debug runs one trial, {plural(len(ids), 'trial is', 'trials are')} chosen", hint)


def _in_process(run: RunDir, trial: Planned, registry: Registry) -> ExitCode:
    import torch

    from fpmg_bench.devices import settle
    from fpmg_bench.runner.one import build
    from fpmg_bench.store import TrialSink
    from fpmg_bench.trial import run_trial

    torch.set_num_threads(1)
    try:
        parts = build(trial.spec, registry)
        settle(parts.device)
        opened: dict[str, Any] = {name: _Opened(metric) for name, metric in parts.metrics.items()}
        sink = TrialSink(run, trial, bool(parts.dataset.publishable), _tell)
        run_trial(trial.spec, replace(parts, metrics=opened), sink)
    except Exception as error:  # noqa: BLE001 - whatever the trial raises is what one came to see
        _open(error)
        return ExitCode.SOME_FAILED
    failed = [score for score in (run.result(trial.key) or {})["scores"] if score["status"] == "failed"]
    for score in failed:
        typer.echo(f"failed: {score['metric']}: {score['reason']}")
    typer.echo(f"{trial.id} ran to its end; nothing of it is kept (the same command without --debug keeps it)")
    return ExitCode.SOME_FAILED if failed else ExitCode.OK


@dataclass(frozen=True, slots=True)
class _Opened:
    """A metric whose errors are looked at before the trial records them as that metric's failure."""

    metric: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.metric, name)

    def __call__(self, *words: Any) -> Any:
        try:
            return self.metric(*words)
        except NotApplicable:
            raise
        except Exception as error:
            _open(error)
            raise


def _open(error: Exception) -> None:
    """The traceback, and the debugger in the frame that raised."""
    import pdb
    import traceback

    traceback.print_exception(error)
    pdb.post_mortem(error.__traceback__)


def _tell(event: Mapping[str, Any]) -> None:
    if event["event"] == "stage":
        typer.echo(event["name"], err=True)
