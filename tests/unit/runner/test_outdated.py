"""Finished trials whose key has changed: the run says what changed, and their numbers stay readable, marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from fpmg_bench.comparison.sides import Side, read
from fpmg_bench.report.appendix import failures
from fpmg_bench.report.read import read_run
from fpmg_bench.report.view import view
from fpmg_bench.results import Results
from fpmg_bench.runner.outdated import differences, why
from fpmg_bench.spec import Budget, Choice, TrialSpec
from fpmg_bench.store import RunDir, collect, write_json, write_table

Trial = Callable[..., TrialSpec]
Run = Callable[..., Any]
LIGHT = {"light": True}


def changed(trial: Trial, planned_run: Run, folder: Path) -> Any:
    """The plan of the same two trials with another budget, written elsewhere."""
    made, _ = planned_run(folder, *(trial(seed=seed, wish=LIGHT, budget=Budget(rounds=5)) for seed in (0, 1)))
    return made


def test_a_run_says_which_part_of_the_keys_changed_and_for_how_many_trials(
    trial: Trial, run_fakes: Run, planned_run: Run, tmp_path: Path
) -> None:
    _, run, _ = run_fakes(tmp_path / "run", trial(seed=0, wish=LIGHT), trial(seed=1, wish=LIGHT))
    made = changed(trial, planned_run, tmp_path / "other")
    text = why(made.trials, made.preimages, run)
    assert "2 finished trials to compute again" in text
    assert "budget.rounds 4 -> 5 (2 trials)" in text
    made.keep(run).write(run)
    assert why(made.trials, made.preimages, run) == ""  # said once: the plan that lies there is the new one


def test_numbers_of_an_earlier_version_stay_in_the_table_marked_until_the_suite_drops_the_trial(
    trial: Trial, run_fakes: Run, planned_run: Run, tmp_path: Path
) -> None:
    _, run, _ = run_fakes(tmp_path / "run", trial(seed=0, wish=LIGHT), trial(seed=1, wish=LIGHT))
    before = collect(run)
    made = changed(trial, planned_run, tmp_path / "other").keep(run)
    made.write(run)
    table = collect(run)
    old = table[table["status"] == "stale"]
    assert old["value"].tolist() == before["value"].tolist()
    assert set(old["key"]) == set(before["key"])
    assert "earlier version" in old["reason"].iloc[0]
    assert table[table["status"] != "stale"]["status"].unique().tolist() == ["skipped"]
    made.keep(run).write(run)  # planned again: they are not forgotten
    assert len(run.former()) == 2
    one, _ = planned_run(tmp_path / "third", trial(seed=0, wish=LIGHT, budget=Budget(rounds=5)))
    one.keep(run).write(run)
    assert [entry.id for entry in run.former()] == ["tiny/fpmg/0"]


def test_the_report_and_a_comparison_leave_them_out_and_the_report_counts_them(
    trial: Trial, run_fakes: Run, planned_run: Run, tmp_path: Path
) -> None:
    _, run, _ = run_fakes(tmp_path / "run", trial(seed=0, wish=LIGHT), trial(seed=1, wish=LIGHT))
    changed(trial, planned_run, tmp_path / "other").keep(run).write(run)
    files = read_run(run.root)
    assert {row["status"] for row in files.results} == {"skipped"}
    (said,) = [block for block in failures.panel(view([files])).blocks if "earlier version" in str(block)]
    assert "Results of 2 trials" in str(said)
    cells, lost = read(Side(run.root))
    assert not cells
    assert {status for each in lost.values() for status, _ in each.seeds.values()} == {"skipped"}


def test_the_first_plan_of_a_folder_has_nothing_to_say(trial: Trial, planned_run: Run, tmp_path: Path) -> None:
    made = changed(trial, planned_run, tmp_path / "other")
    assert why(made.trials, made.preimages, RunDir(tmp_path / "new")) == ""
    assert made.keep(RunDir(tmp_path / "new")).stale == ()


def test_short_values_are_shown_and_hashes_are_only_named() -> None:
    old = {"setting": {"core": "a" * 64, "libraries": {"torch": "2.13.0"}}, "seed": 0}
    new = {"setting": {"core": "b" * 64, "libraries": {"torch": "2.14.1"}}, "seed": 0}
    assert list(differences(old, new)) == ["setting.core", "setting.libraries.torch 2.13.0 -> 2.14.1"]


def test_a_plan_whose_stale_trials_are_of_another_form_is_no_obstacle(
    trial: Trial, run_fakes: Run, planned_run: Run, tmp_path: Path
) -> None:
    _, run, _ = run_fakes(tmp_path / "run", trial(seed=0, wish=LIGHT))
    damaged = run.plan() | {"stale": [{"id": 3}]}
    write_json(run.root / "plan.json", damaged)
    made = changed(trial, planned_run, tmp_path / "other")
    made.keep(run).write(run)
    assert [entry.id for entry in run.former()] == ["tiny/fpmg/0"]


def test_a_changed_metric_is_said_too_though_the_trial_keeps_its_key(
    trial: Trial, run_fakes: Run, planned_run: Run, tmp_path: Path
) -> None:
    _, run, _ = run_fakes(tmp_path / "run", trial(seed=0, wish=LIGHT), trial(seed=1, wish=LIGHT))
    again = [trial(seed=seed, wish=LIGHT, metrics=(Choice("rg", {"digits": 2}),)) for seed in (0, 1)]
    made, _ = planned_run(tmp_path / "other", *again)
    assert [entry.key for entry in made.trials] == [entry.key for entry in run.trials()]
    text = why(made.trials, made.preimages, run)
    assert "2 finished trials to measure again" in text
    assert "metrics.rg.params.digits None -> 2 (2 trials)" in text


def test_scores_of_another_version_of_a_metric_are_stale_until_it_has_measured_and_then_gone(
    trial: Trial, run_fakes: Run, planned_run: Run, tmp_path: Path
) -> None:
    _, run, _ = run_fakes(tmp_path / "run", trial(wish=LIGHT))
    value = collect(run)["value"].tolist()
    edited = trial(wish=LIGHT, metrics=(Choice("rg", {"digits": 2}),))
    made, _ = planned_run(tmp_path / "other", edited)
    write_table(run.results, collect(run))
    made.keep(run).write(run)
    table = Results(run.root).table()  # not what results.parquet said before
    assert sorted(table["status"]) == ["skipped", "stale"]
    assert table[table["status"] == "stale"]["value"].tolist() == value
    assert "Results of 1 trial " in str(failures.panel(view([read_run(run.root)])).blocks)
    _, run, _ = run_fakes(run.root, edited)
    assert collect(run)["status"].tolist() == ["ok"]
    assert not read_run(run.root).stale


def test_a_trial_left_out_by_only_keeps_its_scores_of_another_version_of_a_metric(
    trial: Trial, run_fakes: Run, planned_run: Run, tmp_path: Path
) -> None:
    _, run, _ = run_fakes(tmp_path / "run", trial(seed=0, wish=LIGHT), trial(seed=1, wish=LIGHT))
    edited = [trial(seed=seed, wish=LIGHT, metrics=(Choice("rg", {"digits": 2}),)) for seed in (0, 1)]
    made, _ = planned_run(tmp_path / "other", *edited)
    replace(made, selected=frozenset({made.trials[0].id})).keep(run).write(run)
    table = collect(run)
    assert sorted(zip(table["seed"], table["status"], strict=True)) == [(0, "skipped"), (0, "stale"), (1, "stale")]
