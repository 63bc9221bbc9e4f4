"""What a distribution tells fpmg-bench: the components it offers, and what it wants to hear. Entry-point group "fpmg_bench"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from fpmg_bench.types import Panel

GROUP = "fpmg_bench"
CORE = "fpmg-bench"  # the distribution of what ships
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@dataclass(frozen=True, slots=True)
class Component:
    """A name for suites, where the class is ("package.module:Class", imported at first use), and one line about it.

    formerly: names that it had, which suites may still write; who does is told the name of today.
    """

    name: str
    target: str
    summary: str = ""
    formerly: tuple[str, ...] = ()


class Specs:
    """Component hooks return what there is; observer hooks run in the parent process and cannot touch a number."""

    @hookspec
    def fpmg_datasets(self) -> Iterable[Component]:
        """Cohorts: `return [Component("my-cohort", "my_pkg.cohort:MyCohort", "ICU stays of one hospital")]`."""
        raise AssertionError("a specification is never called")

    @hookspec
    def fpmg_encoders(self) -> Iterable[Component]:
        """Encoders: `return [Component("my-ae", "my_pkg.encoders:MyAutoencoder")]`."""
        raise AssertionError("a specification is never called")

    @hookspec
    def fpmg_generators(self) -> Iterable[Component]:
        """Generators: `return [Component("my-gan", "my_pkg.gan:MyGan")]`."""
        raise AssertionError("a specification is never called")

    @hookspec
    def fpmg_aggregators(self) -> Iterable[Component]:
        """Merging rules: `return [Component("my-median", "my_pkg.rules:MyMedian")]`."""
        raise AssertionError("a specification is never called")

    @hookspec
    def fpmg_topologies(self) -> Iterable[Component]:
        """Who talks to whom: `return [Component("my-grid", "my_pkg.grid:Grid")]`."""
        raise AssertionError("a specification is never called")

    @hookspec
    def fpmg_metrics(self) -> Iterable[Component]:
        """Metrics: `return [Component("my-metric", "my_pkg.metrics:MyMetric")]`."""
        raise AssertionError("a specification is never called")

    @hookspec
    def fpmg_round_end(self, trial: str, record: Mapping[str, Any]) -> None:
        """After a round is on disk; `record` is the line of rounds.jsonl."""

    @hookspec
    def fpmg_trial_end(self, trial: str, result: Mapping[str, Any]) -> None:
        """After a trial is final, whatever its status; `result` is trial.json."""

    @hookspec
    def fpmg_report_panels(self, run: str) -> Iterable[Panel]:
        """Extra panels for the report of the run directory `run`."""
        raise AssertionError("a specification is never called")
