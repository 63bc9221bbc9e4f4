"""Which runs may stand on one line: those of one suite, of the same patients and of the same seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fpmg_bench.report.drawing.palette import styles
from fpmg_bench.report.read import read_run
from fpmg_bench.report.view import Group, Method, View, view

COMMIT = 10  # letters


@dataclass(frozen=True, slots=True)
class Past:
    """One run. number: its place by date, from 1, within its suite."""

    number: int
    view: View

    @property
    def date(self) -> str:
        """When it was planned: "2026-12-01 04:04", in the zone that the plan says."""
        return str(self.view.runs[0].plan.get("created") or "")[:16].replace("T", " ")

    @property
    def commit(self) -> str:
        """Of the code that planned it; of code without git the first letters of its hash."""
        made = self.view.runs[0].environment
        git: Mapping[str, Any] = made.get("git") or {}
        if not git:
            return f"no git; core {str(made.get('core') or 'unknown')[:COMMIT]}"
        return str(git.get("commit"))[:COMMIT] + (" with changes" if git.get("dirty") else "")

    @property
    def version(self) -> str:
        return str(self.view.runs[0].environment.get("fpmg_bench") or "unknown")

    def group(self, dataset: str) -> Group | None:
        return next((group for group in self.view.groups if group.dataset == dataset), None)


@dataclass(frozen=True, slots=True)
class Chain:
    """Runs that may be compared on a cohort, by date: the same fingerprint of patients and the same planned seeds."""

    dataset: str
    cohort: str
    seeds: Sequence[int]
    runs: Sequence[tuple[Past, Group]]

    @property
    def methods(self) -> list[str]:
        """Names of those that compete, in order of appearance."""
        return list(dict.fromkeys(method.name for _, group in self.runs for method in group.ranked))


def history(paths: Sequence[Path]) -> dict[str, list[Past]]:
    """suite -> its runs by date. A method has one colour in all of them."""
    found = sorted((read_run(path) for path in paths), key=lambda run: str(run.plan.get("created") or ""))
    views = [view([run]) for run in found]
    drawn = styles([method.name for each in views for group in each.groups for method in group.methods])
    suites: dict[str, list[Past]] = {}
    for each in views:
        there = suites.setdefault(each.runs[0].suite, [])
        there.append(Past(len(there) + 1, replace(each, styles=drawn)))
    return suites


def chains(runs: Sequence[Past]) -> list[Chain]:
    """Cohort by cohort, those with the newest run first."""
    found: dict[str, dict[tuple[str, tuple[int, ...]], list[tuple[Past, Group]]]] = {}
    for past in runs:
        for group in past.view.groups:
            alike = (str(group.cohort.get("fingerprint") or ""), tuple(group.seeds))
            found.setdefault(group.dataset, {}).setdefault(alike, []).append((past, group))
    return [
        Chain(dataset, cohort, seeds, line)
        for dataset, lines in found.items()
        for (cohort, seeds), line in sorted(lines.items(), key=lambda entry: -entry[1][-1][0].number)
    ]


def method_of(group: Group, name: str) -> Method | None:
    """None: the run has no such method."""
    return next((method for method in group.ranked if method.name == name), None)
