"""Benches have bars. `tox -e bench` measures at full size and prints each figure beside its bar, met or missed.

With `--benchmark-disable` (`tox`) they run once at small size: what is computed is asserted, seconds and bytes are not measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


class Figure(NamedTuple):
    """What a bench measured, and the bar: at most, or at least where `more` is better."""

    bench: str
    name: str
    value: float
    bar: float
    more: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.bar if self.more else self.value <= self.bar

    def cells(self) -> tuple[str, ...]:
        sign = ">=" if self.more else "<="
        return self.bench, self.name, f"{self.value:.3g}", f"{sign} {self.bar:g}", "met" if self.met else "MISSED"


FIGURES = pytest.StashKey[list[Figure]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fail-missed", action="store_true", help="a bench that misses its bar fails the command")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """bench, figure, measured, bar, met or missed."""
    rows = [("bench", "figure", "measured", "bar", ""), *(figure.cells() for figure in config.stash[FIGURES])]
    if len(rows) == 1:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    terminalreporter.section("bars")
    for row in rows:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def pytest_sessionfinish(session: pytest.Session) -> None:
    missed = [figure for figure in session.config.stash[FIGURES] if not figure.met]
    if missed and session.config.getoption("--fail-missed", default=False):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def measuring(request: pytest.FixtureRequest) -> bool:
    """Whether figures are wanted, at full size; else the bench runs once, small, for what it computes."""
    beside_others = hasattr(request.config, "workerinput")  # of xdist: then pytest-benchmark is off, too
    return not (request.config.getoption("benchmark_disable") or beside_others)


@pytest.fixture
def bar(request: pytest.FixtureRequest, measuring: bool) -> Callable[..., None]:
    """bar(name, value, limit): records a figure beside its bar; a missed one fails nothing (`--fail-missed`)."""

    def record(name: str, value: float, limit: float, more: bool = False) -> None:
        if measuring:
            bench = request.node.name.removeprefix("test_")
            request.config.stash[FIGURES].append(Figure(bench, name, float(value), limit, more))
        if measuring and "benchmark" in request.fixturenames:
            request.getfixturevalue("benchmark").extra_info[name] = value

    return record


@pytest.fixture
def measured(benchmark: Any, measuring: bool) -> Callable[..., Any]:
    """measured(script, words) -> what `main` of that script here finds: in a process of its own, whose peak is its own, or small in this one."""

    def once(script: str, *words: object) -> Any:
        if not measuring:
            return import_module(script).measure(*words)
        command = [sys.executable, str(HERE / f"{script}.py"), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
        return json.loads(done.stdout.splitlines()[-1])

    return lambda script, *words: benchmark.pedantic(once, args=(script, *words), rounds=1)
