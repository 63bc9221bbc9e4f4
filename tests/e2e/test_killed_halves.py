"""A process of a trial is killed: the trial is tried once more; a component that fails elsewhere than it is recorded says why."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tree import KINDS, Seen

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked")

PLANTED = """
    @hookimpl
    def fpmg_datasets():
        return [Component("odd", "struck_parts:Odd")]

    @hookimpl
    def fpmg_generators():
        return [Component("bad", "struck_parts:Bad")]

    import os, threading
    from pathlib import Path

    from fpmg_plugins.datasets.phantom import Phantom
    from fpmg_plugins.generators.statistics.gaussian_copula import GaussianCopula

    class Odd(Phantom):
        '''Leaves a thread alive, or ends its process, in the process that loads for others.'''

        def __init__(self, fault: str = "", planner: int = 0):
            super().__init__(patients=40, silos=2, modalities=("table",))
            self.fault, self.planner = fault, planner

        def load(self):
            if os.getpid() != self.planner and self.fault == "thread":
                threading.Thread(target=threading.Event().wait, daemon=True).start()
            if os.getpid() != self.planner and self.fault == "exit":
                os._exit(9)
            return super().load()

    class Bad(GaussianCopula):
        '''Fails in one place, as often as it is told to.'''

        def __init__(self, place: str = "", times: int = 0, folder: str = "", fault: str = "kill"):
            super().__init__()
            self.place, self.times, self.folder, self.fault = place, times, folder, fault

        def strike(self, place):
            for i in range(self.times if place == self.place else 0):
                mark = Path(self.folder) / f"struck-{i}"
                if not mark.exists():
                    mark.touch()
                    if self.fault == "raise":
                        raise ValueError("no such mode")
                    os.kill(os.getpid(), 9)

        def statistics(self, schema, shard, ctx):
            self.strike("trainer")
            return super().statistics(schema, shard, ctx)

        def sample(self, schema, state, condition, rng):
            self.strike("sampler")
            return super().sample(schema, state, condition, rng)
"""
SUITE = """version: 1
name: struck
seeds: [0]
datasets: [{{name: odd, fault: "{dataset}", planner: {planner}}}]
partition: natural
budget: {{rounds: 0, encoder_rounds: 0}}
methods:
  bad: {{encoders: {{table: pca}}, generator: {{name: bad{bad}}}, topology: ring, aggregator: fedavg}}
  copy: {{control: copy}}
metrics: [co]
"""


@pytest.fixture
def struck(install: Any, program: Any, tmp_path: Path) -> Any:
    """struck(parameters of the generator, fault of the dataset) -> exit code, what was printed, method -> trial.json, run."""
    install("third-party", "struck_parts", PLANTED)

    def run(bad: str = "", dataset: str = "", *words: str) -> tuple[int, str, dict[str, Any], Path]:
        bad = f", {bad}, folder: {tmp_path}" if bad else ""
        (tmp_path / "suite.yaml").write_text(SUITE.format(bad=bad, dataset=dataset, planner=os.getpid()))
        out = tmp_path / "out"
        code, printed = program("run", tmp_path / "suite.yaml", "--out", out, "--jobs", "1", "--no-report", *words)
        found = [json.loads(file.read_text()) for file in out.glob("trials/*/trial.json")]
        return code, printed, {record["method"]: record for record in found}, out

    return run


@pytest.mark.parametrize("place", ["trainer", "sampler"])
def test_who_is_killed_once_is_tried_again_and_twice_has_failed(place: str, struck: Any) -> None:
    code, printed, found, out = struck(f"place: {place}, times: 1")
    assert code == 0, printed
    assert "killed by SIGKILL" in printed and "it is started again, once" in printed
    assert json.loads((out / "costs.json").read_text())["calls"][0]["again"] == ["odd/bad/0"]
    code, printed, found, out = struck(f"place: {place}, times: 3")  # the first has struck already
    assert code != 0 and found["copy"]["status"] == "ok"
    ((status, reason),) = [(f["status"], f["reason"]) for f in map(json.loads, _texts(out)) if f["status"] != "ok"]
    assert status == "failed" and reason.startswith("killed by SIGKILL")
    code, printed, *_ = struck(f"place: {place}, times: 3")
    assert code == 0, printed


def _texts(out: Path) -> list[str]:
    return [file.read_text() for file in out.glob("trials/*/trial.json")]


def test_a_sampler_that_raises_fails_its_trial_in_its_own_words(struck: Any) -> None:
    code, printed, found, _ = struck("place: sampler, times: 1, fault: raise")
    assert code != 0, printed
    assert (found["bad"]["status"], found["bad"]["where"]) == ("failed", "sample")
    assert found["bad"]["reason"].startswith("ValueError: no such mode")
    assert found["copy"]["status"] == "ok"


def test_where_a_thread_lives_nothing_is_forked_and_it_is_said(struck: Any) -> None:
    code, printed, _, out = struck("", "thread")
    assert code == 0, printed
    assert printed.count("no process is forked, for 2 threads live in it") == 1
    assert "failed" not in set(pd.read_parquet(out / "results.parquet")["status"])


LIVING = """version: 1
name: living
seeds: [0]
datasets: [{name: phantom, patients: 60, silos: 2, modalities: [table]}]
partition: natural
budget: {rounds: 6, local_steps: 3, sampling_rate: 0.3, encoder_rounds: 1, evaluate_every: 1}
methods:
  m0: {encoders: {table: {name: autoencoder, dim: 3}}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
"""
OTHERS = "".join(
    f"  m{i}: {{extends: m0, encoders: {{table: {{name: autoencoder, dim: {3 + i}}}}}}}\n" for i in range(1, len(KINDS) + 1)
)


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of one scene, with more trials than there are kinds of processes."""
    file = tmp_path_factory.mktemp("living") / "suite.yaml"
    file.write_text(LIVING + OTHERS + "metrics: [co]\n")
    return file


def started(suite: Path, out: Path) -> subprocess.Popen[bytes]:
    """The program in an interpreter of its own, and all that it forks."""
    words = [sys.executable, "-P", "-m", "fpmg_bench", "run", suite, "--out", out, "--jobs", "1", "--no-report"]
    with out.with_suffix(".log").open("wb") as log:
        return subprocess.Popen([str(word) for word in words], stdout=log, stderr=log)


def test_whoever_is_killed_the_table_is_the_same_and_nothing_is_left(living: Path, program: Any) -> None:
    whole, out = living.parent / "whole", living.parent / "killed"
    code, printed = program("run", living, "--out", whole, "--jobs", "1", "--no-report")
    assert code == 0, printed
    process, seen, todo, struck = started(living, out), Seen(), list(KINDS), -1
    with process:
        while process.poll() is None:
            now, done = seen.look(process.pid), len(_texts(out))
            # one a trial, which is tried again once; one that has ended since it was seen is looked for again
            if todo and now[todo[0]] and done > struck and (now["trainer"] or todo[0] == "measurer"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(now[todo[0]][0], signal.SIGKILL)
                    todo, struck = todo[1:], done
            time.sleep(0.02)
    printed = out.with_suffix(".log").read_text()
    assert process.returncode == 0 and not todo, printed
    again = json.loads((out / "costs.json").read_text())["calls"][0]["again"]
    assert len(again) >= 3 and printed.count("it is started again, once") == len(again)  # others had just done their part
    assert seen.living() == []
    tables = [pd.read_parquet(root / "results.parquet") for root in (whole, out)]
    pd.testing.assert_frame_equal(
        *(t[~t["metric"].str.startswith("cost")].reset_index(drop=True) for t in tables), check_exact=True
    )


def test_nothing_outlives_a_runner_that_is_killed(living: Path) -> None:
    process, seen = started(living, living.parent / "orphans"), Seen()
    with process:
        while not seen.look(process.pid)["onlooker"]:
            assert process.poll() is None
            time.sleep(0.02)
        assert len(seen.look(process.pid)["zygote"]) == 1 and len(seen.born) >= 6
        process.kill()
    until = time.monotonic() + 2.0
    while seen.living() and time.monotonic() < until:
        time.sleep(0.01)
    assert seen.living() == []
