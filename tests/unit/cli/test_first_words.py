"""`plan` in a few lines, the end of `run`, one trial with pdb, what trackers are told, and the leaderboard that all of them share."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

import fpmg_bench as fb
from fpmg_bench.cli import debug
from fpmg_bench.cli.ending import tell
from fpmg_bench.errors import ExitCode, SuiteError
from fpmg_bench.registry import Registry
from fpmg_bench.report.verdicts.board import board
from fpmg_bench.store import RunDir
from fpmg_bench.tracking import tracked
from fpmg_bench.tracking.observer import Observer

SUITE = """version: 1
name: short
seeds: [0, 1]
datasets: [{name: phantom, patients: 80, silos: 2, modalities: [table]}]
partition: natural
budget: {rounds: 0, encoder_rounds: 0}
methods:
  copula: {encoders: {table: pca}, generator: gaussian-copula, topology: ring, aggregator: fedavg}
  alone: {extends: copula, topology: isolated}
  decoded: {extends: copula, generator: null}
metrics: [rg, tstr, co]
"""


@pytest.fixture(scope="module")
def run(run_here: Any) -> Any:
    return run_here(SUITE)


def test_a_plan_is_a_few_lines_that_fit(run: Any, program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, printed = program("plan", run.parent / "suite.yaml")
    lines = printed.rstrip().splitlines()
    assert code == 0 and len(lines) <= 12
    assert max(len(line) for line in lines if not line.startswith("next")) <= 80  # a command is whole, to be copied
    assert lines[0].startswith("plan") and any(line.startswith("epsilon") for line in lines)
    assert len(program("plan", run.parent / "suite.yaml", "-v")[1].splitlines()) > 12


def test_the_leaderboard_is_the_reports(run: Any) -> None:
    results = fb.load(run)
    table, (group,) = results.leaderboard(), results.view().groups
    assert table["method"].tolist() == [line.method.name for line in board(results.view(), group)]
    competing = table[table["stands"] != "reference"]
    assert set(competing["stands"]) == {"not ranked"} and competing["tstr"].is_monotonic_decreasing
    assert table["method"].tolist()[-1] == "decoded"
    every = results.table()
    rows = every[(every["metric"] == "tstr") & (every["scope"] == "all") & (every["round"] == -1)]
    means = rows.groupby("method")["value"].mean()
    assert table.set_index("method")["tstr"].to_dict() == pytest.approx(means[table["method"].tolist()].to_dict())


def test_a_notebook_shows_it_without_scripts(run: Any) -> None:
    results = fb.load(run)
    page = results._repr_html_()
    assert "<script" not in page and "copula" in page and "nothing is ranked below 5" in page
    assert results.status() == {
        "ok": 6, "failed": 0, "timeout": 0, "damaged": 0, "left": 0, "refused": 0, "skipped": 0, "stale": 0,
    }  # fmt: skip
    assert len(results.patients("copula", seed=0, silo="all")) == len(results.synthetic("copula", seed=0, silo="all"))


def test_one_trial_is_debugged_and_no_more(run: Any) -> None:
    with pytest.raises(SuiteError, match="runs one trial, 2 trials are chosen"):
        debug.debug(str(run.parent / "suite.yaml"), "copula", None, None)
    with pytest.raises(SuiteError, match="selects none"):
        debug.debug(str(run.parent / "suite.yaml"), "flow", None, None)


class Told:
    """A tracker that keeps what it is told."""

    def __init__(self, trial: str) -> None:
        self.trial, self.said = trial, []

    def settings(self, values: Any) -> None:
        self.said.append(("settings", dict(values)))

    def numbers(self, values: Any, step: int) -> None:
        self.said.append((step, dict(values)))

    def close(self, status: str) -> None:
        self.said.append(("end", status))


def test_trackers_are_told_rounds_scores_and_the_end(run: Any) -> None:
    logs: list[Told] = []

    def opened(trial: str) -> Told:
        logs.append(Told(trial))
        return logs[-1]

    observer = Observer(opened)
    record = {"stage": "stage2", "losses": {"0": {"loss": 1.0}, "1": {"loss": 3.0}}, "bytes": 8, "seconds": float("nan")}
    for trial in ("a", "b"):
        observer.fpmg_round_end(trial, record)
    observer.fpmg_trial_end("a", fb.load(run).trials()[0])
    observer.close()
    (first, second) = logs
    assert first.said[0] == (0, {"stage2/loss": 2.0, "stage2/bytes": 8.0})
    assert first.said[1][0] == "settings" and "gaussian-copula" in first.said[1][1].values()
    assert first.said[2][0] == 1 and "tstr" in first.said[2][1]
    assert (first.said[-1], second.said[-1]) == (("end", "ok"), ("end", "interrupted"))


def test_a_tracker_that_nobody_knows_is_refused(tmp_path: Any) -> None:
    with pytest.raises(SuiteError, match="unknown tracker"), tracked(["tensorbord"], Registry.discover(), tmp_path, "s"):
        pass


def test_a_run_ends_with_counts_best_means_files_and_the_next_command(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    results = replace(fb.load(run), counts={"ok": 6})
    (run / "report.html").write_text("")
    tell(results, json=False)
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "6 ok"
    best = [line for line in printed.splitlines() if line.split()[:1] == ["phantom"]]
    assert [line.split()[1] for line in best] == results.leaderboard()["method"].tolist()[:2]  # decoded patients do not compete
    assert all("not ranked" in line and "TSTR" in line for line in best)
    assert "2 seeds: nothing is ranked below 5" in " ".join(printed.split())
    assert f"report   {run / 'report.html'}" in printed and "results  " not in printed  # nothing is named that is not there
    assert f"releases {run / 'trials'}/*/synthetic (" in printed
    assert printed.splitlines()[-1] == f"next     {results.release_lines()[0]}  (or 1 other: another method, or --dataset)"


def test_a_run_with_trials_left_ends_with_its_own_command(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tell(replace(fb.load(run), counts={"ok": 5, "left": 1}), json=False)
    command = RunDir(run).plan()["command"]
    assert capsys.readouterr().out.splitlines()[-1] == f"next     {command}"


def test_the_end_of_a_run_as_json_has_the_same(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    results = replace(fb.load(run), counts={"ok": 6})
    tell(results, json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["counts"] == {"ok": 6} and said["failed"] == [] and said["exit_code"] == 0
    means = results.leaderboard().set_index("method")["tstr"]
    assert {line["method"]: line["mean"] for line in said["best"]} == pytest.approx(means[["copula", "alone"]].to_dict())
    assert said["release"] == results.release_lines()


def broken(*words: Any) -> None:
    answer = 41
    raise RuntimeError(f"never {answer}")


@pytest.mark.parametrize("part", ["generator", "metric"])
def test_the_debugger_opens_where_a_trial_fails(run: Any, part: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A generator ends the trial; a metric is that metric's failure, and the trial goes on to its end."""
    registry = Registry.discover()
    where = {"generator": ("gaussian-copula", "sample"), "metric": ("rg", "__call__")}[part]
    monkeypatch.setattr(registry.load(part, where[0]), where[1], broken)
    monkeypatch.setattr("sys.stdin", io.StringIO("p answer + 1\nq\n"))
    code = debug.debug(str(run.parent / "suite.yaml"), "copula", [0], None)
    printed = capsys.readouterr()
    assert code == ExitCode.SOME_FAILED
    assert "(Pdb) 42" in printed.out and "RuntimeError: never 41" in printed.err
    assert ("failed: rg: " in printed.out) == ("ran to its end" in printed.out) == (part == "metric")
