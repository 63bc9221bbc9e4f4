"""results.parquet: exact columns, names, and a row with its reason for all that has no number."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fpmg_bench.errors import StoreError
from fpmg_bench.result_rows import ResultRow, result_rows
from fpmg_bench.results import Results
from fpmg_bench.spec import Choice
from fpmg_bench.store import DTYPES, Planned, RunDir, TrialSink, collect, metric_name, read_table, write_table

Make = Callable[..., Planned]
COLUMNS = [
    "schema_version", "suite", "dataset", "method", "role", "seed", "key", "round", "scope", "modality", "metric", "value", "low",
    "high", "n", "floor", "status", "reason", "higher_is_better", "best", "lowest", "highest", "unit", "source",
]  # fmt: skip


def test_a_row_has_the_columns_of_the_table_and_none_for_what_is_missing(planned: Make, tmp_path: Path) -> None:
    run, trial = RunDir(tmp_path), planned()
    write(run, [trial])
    TrialSink(run, trial, False, lambda event: None).finish({"scores": [score("rg", "rg", 1.0, n=3, higher_is_better=False)]})
    (row,) = result_rows(collect(run))
    assert list(row) == list(ResultRow.__annotations__) == COLUMNS
    assert (row["value"], row["low"], row["n"], row["higher_is_better"], row["modality"]) == (1.0, None, 3, False, None)
    assert [type(row[name]) for name in ("seed", "round", "n", "value", "higher_is_better")] == [int, int, int, float, bool]


def write(run: RunDir, trials: list[Planned], **more: Any) -> None:
    plan = {"suite": "s", "trials": [trial.to_json() for trial in trials], "refusals": [], "skipped": [], **more}
    run.write_plan(plan, "version: 1\n", {})


def score(metric: str, key: str, value: float | None, **more: Any) -> dict[str, Any]:
    return {"metric": metric, "key": key, "value": value, "higher_is_better": None, "unit": "", "source": "x", **more}


def test_scores_become_rows_with_exactly_the_documented_columns(planned: Make, tmp_path: Path) -> None:
    run, trial = RunDir(tmp_path), planned()
    write(run, [trial])
    sink = TrialSink(run, trial, False, lambda event: None)
    sink.round({"stage": "stage2", "round": 4, "scores": [score("rg", "rg", 1.5, n=100)]})
    sink.finish({
        "scores": [
            score("rg", "rg", 1.25, low=1.0, high=1.5, floor=1.0, n=50, higher_is_better=False, best=1.0, unit="ratio"),
            score("rg", "copy_ratio", 0.9, scope="silo:A", modality="labs"),
            score("dg", "dg", None, status="not_applicable", reason="no complete record"),
        ]
    })  # fmt: skip
    table = collect(run)
    assert list(table.columns) == COLUMNS
    assert table[["metric", "round", "scope"]].values.tolist() == [
        ["rg", 4, "all"], ["rg", -1, "all"], ["rg.copy_ratio", -1, "silo:A"], ["dg", -1, "all"],
    ]  # fmt: skip
    final = table.iloc[1]
    assert (final["value"], final["low"], final["high"], final["floor"], final["n"]) == (1.25, 1.0, 1.5, 1.0, 50)
    assert (final["best"], table["best"].isna().tolist()) == (1.0, [True, False, True, True])
    assert final["higher_is_better"] is False or not final["higher_is_better"]
    assert table["n"].isna().tolist() == [False, False, True, True]
    assert (table.iloc[3]["status"], table.iloc[3]["reason"]) == ("not_applicable", "no complete record")
    assert table["value"].isna().tolist() == [False, False, False, True]


def test_the_table_survives_parquet(planned: Make, tmp_path: Path) -> None:
    run, trial = RunDir(tmp_path), planned()
    write(run, [trial])
    TrialSink(run, trial, False, lambda event: None).finish({"scores": [score("rg", "rg", 1.0)]})
    table = collect(run)
    write_table(run.results, table)
    assert read_table(run.results).equals(table)
    assert {name: str(kind) for name, kind in read_table(run.results).dtypes.items()} == dict(DTYPES)


@pytest.mark.parametrize(
    ("metric", "key", "name"),
    [("rg", "rg", "rg"), ("rg", "copy_ratio", "rg.copy_ratio"), ("rg", "rg.copy_ratio", "rg.copy_ratio"), ("dg", "rg", "dg.rg")],
)
def test_a_score_named_like_its_metric_is_written_once(metric: str, key: str, name: str) -> None:
    assert metric_name(metric, key) == name


def test_failed_missing_refused_and_skipped_trials_are_rows_with_reasons(planned: Make, tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    failed, missing = planned(seed=0), planned(seed=1)
    write(
        run,
        [failed, missing],
        refusals=[{"id": "tiny/krum/0", "reason": "needs 5 inputs, a ring gives 3"}],
        skipped=[{"id": "covid-cxr/fpmg/2", "reason": "FPMG_DATA lacks it"}, {"id": "covid-cxr", "reason": "all"}],
    )
    TrialSink(run, failed, False, lambda event: None).fail("diverged")
    table = collect(run)
    assert table[["dataset", "method", "seed", "metric", "status", "reason"]].values.tolist() == [
        ["tiny", "fpmg", 0, "rg", "failed", "diverged (start)"],
        ["tiny", "fpmg", 1, "rg", "skipped", "not run yet"],
        ["tiny", "krum", 0, "", "skipped", "needs 5 inputs, a ring gives 3"],
        ["covid-cxr", "fpmg", 2, "", "skipped", "FPMG_DATA lacks it"],
        ["covid-cxr", "", -1, "", "skipped", "all"],
    ]
    assert table["value"].isna().all()


def test_a_renamed_method_keeps_its_numbers(planned: Make, tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    write(run, [planned(method="old")])
    TrialSink(run, planned(method="old"), False, lambda event: None).finish({"scores": [score("rg", "rg", 2.0)]})
    write(run, [planned(method="new")])
    assert collect(run)[["method", "value"]].values.tolist() == [["new", 2.0]]


def test_a_torn_trial_is_not_finished(planned: Make, tmp_path: Path) -> None:
    run, trial = RunDir(tmp_path), planned()
    write(run, [trial])
    TrialSink(run, trial, False, lambda event: None).finish({"scores": [score("rg", "rg", 2.0)]})
    file = run.trial(trial.key) / "trial.json"
    file.write_bytes(file.read_bytes()[:-20])
    assert not run.finished(trial)
    table = collect(run)
    assert table["status"].tolist() == ["damaged"]
    assert table["reason"].tolist() == ["trial.json: is cut, or no JSON"]


def test_a_result_under_another_key_counts_for_nothing(planned: Make, tmp_path: Path) -> None:
    run, trial, other = RunDir(tmp_path), planned(), planned(generator=Choice("single"))
    TrialSink(run, trial, False, lambda event: None).finish({"scores": []})
    run.trial(trial.key).rename(run.trial(other.key))
    assert not run.finished(other)


def test_a_folder_of_something_else_is_refused(planned: Make, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match=r"no readable plan\.json"):
        write(RunDir(tmp_path), [planned()])
    other = RunDir(tmp_path / "run")
    write(other, [planned()])
    with pytest.raises(StoreError, match="holds a run of suite 's', not 't'"):
        other.check_owner("t")
    with pytest.raises(StoreError, match="is a file"):
        RunDir(tmp_path / "thesis.tex").check_owner("s")
    with pytest.raises(StoreError, match="no run directory"):
        RunDir(tmp_path / "nowhere").plan()
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "suite.yaml").write_text("version: 1\n")
    with pytest.raises(StoreError, match=r"holds suite\.yaml but no readable plan\.json"):  # a user's own suite is not replaced
        RunDir(tmp_path / "suites").check_owner("s")


@pytest.mark.parametrize("left", ["", "{", "[]", "{}", '{"schema_version": 1, "suite": 3}', None])
def test_a_run_whose_plan_is_damaged_goes_on(left: str | None, planned: Make, tmp_path: Path) -> None:
    run, trial = RunDir(tmp_path / "run"), planned()
    write(run, [trial])
    TrialSink(run, trial, False, lambda event: None).finish({"scores": [score("rg", "rg", 2.0)]})
    (run.root / "plan.json").unlink()
    if left is not None:
        (run.root / "plan.json").write_text(left)
    with pytest.raises(StoreError, match=r"plan\.json"):
        run.trials()
    write(run, [trial])
    assert run.finished(trial)


def test_a_full_disk_while_the_first_plan_is_written_leaves_a_folder_that_goes_on(planned: Make, tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text("version: 1\n")
    (tmp_path / ".plan.json.123.tmp").write_text('{"schema')
    write(RunDir(tmp_path), [planned()])
    RunDir(tmp_path).sweep()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["environment.json", "plan.json", "suite.yaml"]


def test_a_table_older_than_a_finished_trial_is_not_believed(planned: Make, tmp_path: Path) -> None:
    run, first, second = RunDir(tmp_path), planned(), planned(seed=1)
    write(run, [first, second])
    TrialSink(run, first, False, lambda event: None).finish({"scores": [score("rg", "rg", 1.0)]})
    write_table(run.results, collect(run))
    TrialSink(run, second, False, lambda event: None).finish({"scores": [score("rg", "rg", 2.0)]})
    assert (read_table(run.results)["status"] == "ok").sum() == 1
    assert Results(tmp_path).table().query("status == 'ok'")["value"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("kind", ["cut", "empty", "flipped", "another table"])
def test_a_damaged_table_is_rebuilt_from_the_trials(kind: str, planned: Make, tmp_path: Path) -> None:
    run, trial = RunDir(tmp_path), planned()
    write(run, [trial])
    TrialSink(run, trial, False, lambda event: None).finish({"scores": [score("rg", "rg", 1.0)]})
    write_table(run.results, collect(run))
    data = bytearray(run.results.read_bytes())
    data[20] ^= 1
    other = io.BytesIO()
    pd.DataFrame({"seed": ["a"], "value": [[1]]}).to_parquet(other)
    run.results.write_bytes({"cut": data[:-9], "empty": b"", "flipped": bytes(data), "another table": other.getvalue()}[kind])
    assert Results(tmp_path).table().equals(collect(run))


def test_a_table_that_says_what_no_trial_measured_is_not_believed(planned: Make, tmp_path: Path) -> None:
    """Whole, of the same trials, with another value in it."""
    run, trial = RunDir(tmp_path), planned()
    write(run, [trial])
    TrialSink(run, trial, False, lambda event: None).finish({"scores": [score("rg", "rg", 1.0)]})
    table = collect(run)
    table["value"] = 0.5
    write_table(run.results, table)
    assert read_table(run.results)["value"].tolist() == [0.5]
    assert Results(tmp_path).table()["value"].tolist() == [1.0]


def test_links_in_a_release_lead_nowhere(planned: Make, tmp_path: Path) -> None:
    """One leads back to the folder that it is in, one to another: neither is followed, and a trial with one is still read."""
    run, trial = RunDir(tmp_path / "run"), planned()
    write(run, [trial])
    release = run.trial(trial.key) / "synthetic" / "site-1"
    release.mkdir(parents=True)
    (release / "cohort.yaml").write_text("version: 1\n")
    TrialSink(run, trial, False, lambda event: None).finish({"scores": [score("rg", "rg", 1.0)]})
    assert run.record(trial).status == "ok"
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "file").write_bytes(bytes(100_000))
    (release / "loop").symlink_to(release, target_is_directory=True)
    (release / "away").symlink_to(tmp_path / "large", target_is_directory=True)
    (lost,) = run.damage(trial)
    assert "is not whole" in lost.why
    (release / "loop").unlink()
    (release / "away").unlink()
    assert run.damage(trial) == []
