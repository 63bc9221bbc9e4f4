"""Trials as subprocesses: what is computed once, what a failure leaves, limits, events."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from fpmg_bench.errors import ExitCode, SuiteError
from fpmg_bench.runner.child import Child
from fpmg_bench.spec import Choice, TrialSpec
from fpmg_bench.store import read_json, read_rounds, read_table

Trial = Callable[..., TrialSpec]
Run = Callable[..., Any]
LIGHT = {"light": True}


def test_finished_trials_are_ok_and_leave_no_checkpoint(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    outcome, run, events = run_fakes(tmp_path, trial(seed=0), trial(seed=1))
    assert outcome.code == ExitCode.OK
    assert outcome.counts == {"ok": 2, "failed": 0, "timeout": 0, "left": 0, "kept": 0, "refused": 0, "skipped": 0}
    for planned in run.trials():
        folder = run.trial(planned.key)
        assert {"trial.json", "rounds.jsonl", "state.safetensors", "log.txt", "key.json"} <= {
            file.name for file in folder.iterdir()
        }
        assert not (folder / "checkpoint.safetensors").exists()
        preimages = read_json(folder / "key.json")
        assert preimages is not None
        assert preimages["trial"]["stage1"]["seed"] == planned.spec.seed
    table = read_table(run.results)
    assert table["status"].tolist() == ["ok", "ok"]
    assert [event["event"] for event in events if event.get("trial") == "tiny/fpmg/1"][-2:] == ["done", "end"]


def test_what_libraries_print_goes_to_the_log_and_cannot_forge_events(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    _, run, events = run_fakes(tmp_path, trial(wish=LIGHT))
    log = (run.trial(run.trials()[0].key) / "log.txt").read_text()
    assert "a library prints to stdout" in log
    assert '{"event": "forged"}' in log
    assert all(event["event"] != "forged" for event in events)


def test_a_second_run_computes_nothing(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    run_fakes(tmp_path, trial(wish=LIGHT))
    before = (tmp_path / "results.parquet").read_bytes()
    outcome, _, events = run_fakes(tmp_path, trial(wish=LIGHT))
    assert outcome.counts["kept"] == 1
    assert outcome.code == ExitCode.OK
    assert [event["event"] for event in events] == ["plan"]
    assert (tmp_path / "results.parquet").read_bytes() == before


def test_another_metric_trains_nothing(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    run_fakes(tmp_path, trial())
    _, run, events = run_fakes(tmp_path, trial(metrics=(Choice("rg"), Choice("dg"))))
    assert not any(event["event"] == "round" for event in events)
    table = read_table(run.results)
    assert table["metric"].tolist() == ["rg", "dg"]
    assert table["value"].nunique() == 1


def test_two_trials_with_one_key_are_computed_once_and_both_reported(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    same = {"generator": Choice("gan")}
    outcome, run, events = run_fakes(tmp_path, trial("a", wish=LIGHT, **same), trial("b", wish=LIGHT, **same))
    assert sum(event["event"] == "start" for event in events) == 1
    assert outcome.counts["ok"] == 2
    assert read_table(run.results)["method"].tolist() == ["a", "b"]


def test_stage_1_is_computed_once_while_others_wait_or_go_first(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    specs = [trial("a", wish={"sleep": 0.05}), trial("b", wish={"sleep": 0.05}), trial("c", seed=1, wish={"sleep": 0.05})]
    outcome, run, events = run_fakes(tmp_path, *specs)
    assert outcome.code == ExitCode.OK
    computed = [event["trial"] for event in events if event["event"] == "stage1"]
    assert sorted(computed) == ["tiny/a/0", "tiny/c/1"]
    assert [event["trial"] for event in events if event["event"] == "start"][:2] == ["tiny/a/0", "tiny/c/1"]
    rounds = {t.id: [r["stage"] for r in read_rounds(run.trial(t.key) / "rounds.jsonl")] for t in run.trials()}
    assert rounds["tiny/a/0"] == rounds["tiny/b/0"] == ["stage1:labs"] * 4 + ["stage2"] * 4


def test_jobs_do_not_change_numbers(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    specs = [trial(method, seed, LIGHT) for method in ("a", "b") for seed in (0, 1)]
    tables = []
    for jobs in (1, 3):
        _, run, _ = run_fakes(tmp_path / str(jobs), *specs, jobs=jobs)
        tables.append(read_table(run.results))
    assert tables[0].equals(tables[1])


def test_an_exception_is_recorded_with_its_place_and_others_go_on(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    outcome, run, _ = run_fakes(tmp_path, trial(wish={"fault": "raise", **LIGHT}), trial(seed=1, wish=LIGHT))
    assert outcome.code == ExitCode.SOME_FAILED
    assert (outcome.counts["ok"], outcome.counts["failed"]) == (1, 1)
    result = run.result(run.trials()[0].key)
    assert result["reason"] == "ArithmeticError: the loss is not a number"
    assert result["where"] == "stage2, round 1"
    assert "Traceback" in (run.trial(run.trials()[0].key) / "log.txt").read_text()
    assert read_table(run.results)["status"].tolist() == ["failed", "ok"]


@pytest.mark.parametrize(
    ("fault", "words"), [("kill", "killed by SIGKILL (out of memory?)"), ("exit", "exit code 7 and no result")]
)
def test_a_crash_is_recorded_with_the_end_of_its_log(
    fault: str, words: str, trial: Trial, run_fakes: Run, tmp_path: Path
) -> None:
    outcome, run, _ = run_fakes(tmp_path, trial(wish={"fault": fault, **LIGHT}))
    assert outcome.code == ExitCode.NOTHING_MEASURED
    result = run.result(run.trials()[0].key)
    assert result["status"] == "failed"
    assert words in result["reason"]
    assert f"about to {fault}" in result["reason"]
    assert result["where"] == "stage2, round 1"


def test_what_was_written_before_a_crash_is_what_a_trial_found(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    outcome, run, events = run_fakes(tmp_path, trial(wish={"fault": "mute", **LIGHT}))
    assert (outcome.counts["ok"], outcome.code) == (1, ExitCode.OK)
    assert run.result(run.trials()[0].key)["status"] == "ok"
    assert not any(event["event"] == "done" or "again" in event.get("text", "") for event in events)


def test_a_failed_trial_runs_again_next_time(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    spec = trial(wish={"fault": "raise", "once": str(tmp_path / "once")})
    first, _, _ = run_fakes(tmp_path / "run", spec)
    second, _, events = run_fakes(tmp_path / "run", spec)
    assert (first.counts["failed"], second.counts["ok"]) == (1, 1)
    assert second.code == ExitCode.OK
    assert not any(event.get("stage") == "stage1:labs" for event in events if event["event"] == "round")


def test_the_limit_kills_the_whole_process_group(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    outcome, run, _ = run_fakes(tmp_path, trial(wish={"fault": "fork", **LIGHT}, limit_seconds=0.5), trial(seed=1, wish=LIGHT))
    assert (outcome.counts["timeout"], outcome.counts["ok"]) == (1, 1)
    assert outcome.code == ExitCode.SOME_FAILED
    result = run.result(run.trials()[0].key)
    assert (result["status"], result["where"]) == ("timeout", "stage2, round 1")
    assert "over 10 times the limit of 0.5 s" in result["reason"]
    assert not left_running(tmp_path)


def test_a_trial_that_ignores_being_asked_is_killed(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    outcome, _, _ = run_fakes(tmp_path, trial(wish={"fault": "hang", **LIGHT}, limit_seconds=0.5))
    assert outcome.counts["timeout"] == 1
    assert not left_running(tmp_path)


def test_on_error_stop_starts_no_further_trial(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    specs = [trial(seed=0, wish={"fault": "raise", **LIGHT}), trial(seed=1), trial(seed=2)]
    outcome, run, _ = run_fakes(tmp_path, *specs, jobs=1, on_error="stop")
    assert (outcome.counts["failed"], outcome.counts["left"]) == (1, 2)
    assert read_table(run.results)["reason"].tolist()[1:] == ["not run yet"] * 2


def test_progress_estimates_what_is_left(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    _, _, events = run_fakes(tmp_path, *[trial(seed=seed, wish=LIGHT) for seed in range(3)], jobs=1)
    progress = [(event["done"], event["total"], event["eta"]) for event in events if event["event"] == "progress"]
    assert progress == [(1, 3, 2.0), (2, 3, 1.0), (3, 3, 0.0)]


def test_no_job_at_all_is_refused(trial: Trial, run_fakes: Run, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="at least 1"):
        run_fakes(tmp_path, trial(), jobs=0)


def left_running(root: Path) -> list[int]:
    """Processes that still work on this run."""
    others = [process.info for process in psutil.process_iter(["pid", "cmdline", "status"]) if process.pid != os.getpid()]
    return [p["pid"] for p in others if str(root) in (p["cmdline"] or []) and p["status"] != psutil.STATUS_ZOMBIE]


def test_of_a_long_log_only_the_end_is_read(trial: Trial, planned_run: Any, tmp_path: Path) -> None:
    _, run = planned_run(tmp_path, trial(wish=LIGHT))
    log = tmp_path / "log.txt"
    with log.open("wb") as file:
        file.truncate(1 << 33)  # eight sparse gigabytes
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe last word\n")
    process: Any = SimpleNamespace(returncode=7)
    assert Child(run.trials()[0], process, log, 0.0).crash().endswith("the last word")
