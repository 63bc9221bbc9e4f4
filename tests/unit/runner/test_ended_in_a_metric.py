"""A metric that ends its process, or hangs until the limit, costs itself: the trial's other metrics are measured all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.errors import ExitCode
from fpmg_bench.spec import Choice, TrialSpec
from fpmg_bench.store import ScoreLog, read_table

Trial = Callable[..., TrialSpec]
METRICS = (Choice("rg"), Choice("bad"), Choice("dg"))


def wish(fault: str, stage: str = "measure:bad", **more: Any) -> dict[str, Any]:
    return {"light": True, "fault": fault, "stage": stage, **more}


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("exit", "failed", "ended with exit code 7 and no result"),
        ("kill", "failed", "killed by SIGKILL"),
        ("hang", "timeout", "over 10 times the limit of 0.4 s a trial"),
    ],
)
def test_the_other_metrics_are_measured_by_a_new_process(
    fault: str, status: str, words: str, trial: Trial, run_fakes: Any, tmp_path: Path
) -> None:
    outcome, run, events = run_fakes(
        tmp_path, trial(wish=wish(fault), metrics=METRICS, limit_seconds=0.4 if fault == "hang" else 60.0)
    )
    assert outcome.code == ExitCode.SOME_FAILED
    (planned,) = run.trials()
    table = read_table(run.results).set_index("metric")
    assert table["status"].to_dict() == {"rg": "ok", "bad": status, "dg": "ok"}
    assert words in table.loc["bad", "reason"]
    assert table.loc["rg", "value"] == table.loc["dg", "value"]
    assert run.result(planned.key)["status"] == "ok"
    assert not run.finished(planned)  # the next run tries it again
    assert not (run.trial(planned.key) / "scores.jsonl").exists()
    *again, note = [event["text"] for event in events if event["event"] == "note"]
    assert note.startswith("metric 'bad': ") and words in note
    assert [text.rpartition(";")[2] for text in again] == ([" it is started again, once"] if fault == "kill" else [])
    log = (run.trial(planned.key) / "log.txt").read_text()
    assert log.count("measured rg in") == 1
    assert f"about to {fault}" in log


def test_what_it_did_once_it_need_not_do_again(trial: Trial, run_fakes: Any, tmp_path: Path) -> None:
    spec = trial(wish=wish("exit", once=str(tmp_path / "once")), metrics=METRICS)
    first, _, _ = run_fakes(tmp_path / "run", spec)
    second, run, _ = run_fakes(tmp_path / "run", spec)
    assert (first.code, second.code) == (ExitCode.SOME_FAILED, ExitCode.OK)
    assert set(read_table(run.results)["status"]) == {"ok"}


def test_two_metrics_may_end_their_process(trial: Trial, run_fakes: Any, planned_run: Any, tmp_path: Path) -> None:
    spec = trial(wish=wish("exit", "measure:dg"), metrics=METRICS)
    _, run = planned_run(tmp_path, spec)
    (planned,) = run.trials()
    folder = run.trial(planned.key)
    folder.mkdir(parents=True)
    ScoreLog.open(folder, planned.measure).end("bad", "failed", "a process before")
    run_fakes(tmp_path, spec)
    assert read_table(run.results)["status"].tolist() == ["ok", "failed", "failed"]


def test_a_trial_that_fails_after_its_first_metric_keeps_what_was_measured(
    trial: Trial, run_fakes: Any, planned_run: Any, tmp_path: Path
) -> None:
    spec = trial(wish=wish("raise", "measure:bad"), metrics=METRICS)
    _, run, _ = run_fakes(tmp_path, spec)
    table = read_table(run.results).set_index("metric")
    assert table["status"].to_dict() == {"rg": "ok", "bad": "failed", "dg": "failed"}
    assert table.loc["rg", "value"] > 0


def test_lines_that_are_torn_changed_or_of_another_key_count_for_nothing(tmp_path: Path) -> None:
    log = ScoreLog.open(tmp_path, "now")
    ScoreLog.open(tmp_path, "before").keep("rg", [{"metric": "rg", "value": 3.0}])
    for metric, value in (("rg", 0.1), ("dg", float("inf")), ("pg", 0.25)):
        log.keep(metric, [{"metric": metric, "value": value}])
    log.end("fc", "timeout", "over the limit")
    again = ScoreLog.open(tmp_path, "now")
    assert (again.rows, again.ended) == (log.rows, log.ended)
    assert again.rows["dg"] == [{"metric": "dg", "value": "inf"}]
    text = log.path.read_bytes()
    log.path.write_bytes(text.replace(b"0.25", b"0.75")[:-20])
    assert set(ScoreLog.open(tmp_path, "now").rows) == {"rg", "dg"}
    assert ScoreLog.open(tmp_path, "now").ended == {}
    log.path.write_bytes(b"null\n[]\n" + b"[" * 10**5 + b'\n{"measure": "now", "metric": "rg"}\n' + text)
    assert set(ScoreLog.open(tmp_path, "now").rows) == {"rg", "dg", "pg"}


def test_a_line_after_a_torn_one_is_read(tmp_path: Path) -> None:
    log = ScoreLog.open(tmp_path, "now")
    log.path.write_bytes(b'{"measure": "now", "rows": [')
    log.keep("rg", [])
    assert ScoreLog.open(tmp_path, "now").rows == {"rg": []}
