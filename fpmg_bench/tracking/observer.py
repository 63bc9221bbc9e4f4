"""One observer for all trackers: rounds and results become numbers with names, and each tracker writes them in its own way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import PluginError, SuiteError
from fpmg_bench.hookspecs import hookimpl
from fpmg_bench.tracking.numbers import of_result, of_round, parameters

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry

TRACKERS = ("tensorboard", "mlflow", "wandb")


class Log(Protocol):
    """One trial in a tracker."""

    def settings(self, values: Mapping[str, str]) -> None:
        """What the trial is made of."""
        ...

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Names -> values at a step: rounds of both stages counted through, results at the last one."""
        ...

    def close(self, status: str) -> None:
        """No more will come. status: as trial.json has it, or "interrupted"."""
        ...


class Observer:
    """Hooks of one tracker. open: trial id -> its log. What fails here is told as a note, and changes no number (`Registry.notify`)."""

    def __init__(self, open: Callable[[str], Log]) -> None:
        self.open = open
        self.logs: dict[str, tuple[Log, int]] = {}

    @hookimpl
    def fpmg_round_end(self, trial: str, record: Mapping[str, Any]) -> None:
        """A round's numbers, at the next step of the trial's log."""
        log, step = self._log(trial)
        self.logs[trial] = (log, step + 1)
        log.numbers(of_round(record), step)

    @hookimpl
    def fpmg_trial_end(self, trial: str, result: Mapping[str, Any] | None) -> None:
        """Settings, scores and costs; a trial that failed has its status alone."""
        log, step = self._log(trial)
        del self.logs[trial]
        found = result or {"status": "damaged"}
        log.settings(parameters(found))
        log.numbers(of_result(found), step)
        log.close(str(found["status"]))

    def close(self) -> None:
        """What has no end yet was interrupted."""
        for log, _ in self.logs.values():
            log.close("interrupted")
        self.logs.clear()

    def _log(self, trial: str) -> tuple[Log, int]:
        if trial not in self.logs:
            self.logs[trial] = (self.open(trial), 0)
        return self.logs[trial]


@contextlib.contextmanager
def tracked(names: Sequence[str], registry: Registry, root: Path, suite: str) -> Iterator[Registry]:
    """The registry with an observer for each of these trackers, which write below `root` unless their own settings say otherwise.

    Raises SuiteError for an unknown name, PluginError where a tracker is not installed: before anything runs.
    """
    observers = {name: Observer(_opener(name, root, suite)) for name in dict.fromkeys(names)}
    for name, observer in observers.items():
        registry = registry.observed(f"--track {name}", observer)
    try:
        yield registry
    finally:
        for observer in observers.values():
            observer.close()


def _opener(name: str, root: Path, suite: str) -> Callable[[str], Log]:
    if name not in TRACKERS:
        raise SuiteError(f"--track {name}: unknown tracker.{did_you_mean(name, TRACKERS)}", "one of " + ", ".join(TRACKERS))
    try:
        opener: Callable[[str], Log] = import_module(f"fpmg_bench.tracking.{name}_log").opener(root, suite)
    except ModuleNotFoundError as error:
        raise PluginError(f"--track {name}: {error}", f"pip install 'fpmg-bench[{name}]'") from error
    return opener
