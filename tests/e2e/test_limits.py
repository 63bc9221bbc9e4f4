"""What a trial may take: CPU seconds, by the clock ten times as many, memory of its own; and datasets that end, fail or hang a scene."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.errors import ExitCode

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked")

PLANTED = """
    @hookimpl
    def fpmg_datasets():
        return [Component("slow", "greedy:Slow")]

    @hookimpl
    def fpmg_generators():
        return [Component("greedy", "greedy:Greedy")]

    import os, time

    from fpmg_plugins.datasets.phantom import Phantom
    from fpmg_plugins.generators.statistics.gaussian_copula import GaussianCopula

    HELD = []

    def take(what):
        if what == "exit":
            os._exit(9)
        if what == "raise":
            raise ValueError("no such ward")
        if what == "sleep":
            time.sleep(600)
        if what == "memory":
            HELD.append(bytearray(os.urandom(1 << 20)) * 700)
            time.sleep(600)
        while what == "burn":
            pass

    class Slow(Phantom):
        '''Takes what it is told to where it is loaded for others.'''

        def __init__(self, what: str = "", planner: int = 0):
            super().__init__(patients=40, silos=2, modalities=("table",))
            self.what, self.planner = what, planner

        def load(self):
            if os.getpid() != self.planner:
                take(self.what)
            return super().load()

    class Greedy(GaussianCopula):
        '''Takes what it is told to, in training.'''

        def __init__(self, what: str = ""):
            super().__init__()
            self.what = what

        def statistics(self, schema, shard, ctx):
            take(self.what)
            return super().statistics(schema, shard, ctx)
"""
SUITE = """version: 1
name: greedy
seeds: [0]
datasets: [{datasets}]
partition: natural
budget: {{rounds: 0, encoder_rounds: 0}}
limits: {limits}
methods:
  bad: {{encoders: {{table: pca}}, generator: {{name: greedy, what: {what}}}, topology: ring, aggregator: fedavg}}
  good: {{extends: bad, generator: {{name: greedy, what: nothing}}}}
metrics: [co]
"""
FINE = "{name: slow, as: fine}"
Found = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def greedy(install: Any, program: Any, tmp_path: Path) -> Any:
    """greedy(limits, what trainers take, what loading takes) -> exit code, (dataset, method) -> trial.json, what was printed."""
    install("third-party", "greedy", PLANTED)

    def run(limits: str, what: str = "idle", load: str = "") -> tuple[int, Found, str]:
        bad = f"{{name: slow, as: bad, what: {load}, planner: {os.getpid()}}}, " if load else ""
        (tmp_path / "suite.yaml").write_text(SUITE.format(datasets=bad + FINE, limits=limits, what=what))
        code, printed = program("run", tmp_path / "suite.yaml", "--out", tmp_path / "out", "--jobs", "2", "--no-report")
        found = [json.loads(file.read_text()) for file in (tmp_path / "out").glob("trials/*/trial.json")]
        return code, {(record["dataset"], record["method"]): record for record in found}, printed

    return run


@pytest.mark.parametrize(
    ("what", "limits", "status", "reason", "least"),
    [
        ("burn", "{trial: 2s}", "timeout", "over the limit of 2 CPU s a trial (limits.trial)", 2.0),
        ("sleep", "{trial: 1s}", "timeout", "over 10 times the limit of 1 s a trial (limits.trial): it hangs", 10.0),
        ("memory", "{memory: 512MiB}", "failed", "GiB are over the limit of 0.50 GiB a trial (limits.memory)", 0.0),
    ],
)
def test_who_takes_too_much_is_ended_and_the_others_go_on(
    what: str, limits: str, status: str, reason: str, least: float, greedy: Any
) -> None:
    code, found, printed = greedy(limits, what)
    assert code == ExitCode.SOME_FAILED, printed
    bad, good = found["fine", "bad"], found["fine", "good"]
    assert bad["status"] == status and reason in bad["reason"]
    assert bad["seconds"]["total"] >= least
    assert good["status"] == "ok", good["reason"]


@pytest.mark.parametrize(
    ("load", "status", "reason"),
    [
        ("exit", "failed", "ended with exit code 9 and no result"),
        ("raise", "failed", "ValueError: no such ward"),
        ("burn", "timeout", "over "),  # which limit comes first depends on how busy the machine is
        ("sleep", "timeout", "over 10 times the limit of 2 s a trial (limits.trial)"),
    ],
)
def test_a_dataset_that_never_loads_costs_its_own_trials_alone(load: str, status: str, reason: str, greedy: Any) -> None:
    code, found, printed = greedy("{trial: 2s}", load=load)
    assert code == ExitCode.SOME_FAILED, printed
    for method in ("bad", "good"):
        assert found["bad", method]["status"] == status, found["bad", method]["reason"]
        assert found["bad", method]["reason"].startswith(reason)
        assert found["fine", method]["status"] == "ok", found["fine", method]["reason"]
