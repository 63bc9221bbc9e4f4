"""Run directories of one suite, made apart, are one: the table is that of a run of all."""

import shutil

import pandas as pd
import pytest

from fpmg_bench.errors import StoreError
from fpmg_bench.runner.merge import merge
from fpmg_bench.store import RunDir, read_json, write_json

SUITE = """version: 1
name: tiny
seeds: [0, 1]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
budget: {rounds: 1, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1}
methods:
  pca: {encoders: {table: pca}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
  copy: {control: copy}
metrics: [rg]
"""


@pytest.fixture(scope="module")
def apart(program, tmp_path_factory):
    """A folder with `whole`, and `zero` and `one`, which have a seed each."""
    folder = tmp_path_factory.mktemp("apart")
    (folder / "tiny.yaml").write_text(SUITE)
    for name, words in {"whole": (), "zero": ("--seeds", "0"), "one": ("--seeds", "1")}.items():
        code, text = program("run", folder / "tiny.yaml", "--out", folder / name, "--no-report", *words)
        assert code == 0, text
    return folder


@pytest.fixture
def copies(apart, tmp_path):
    shutil.copytree(apart, tmp_path / "runs")
    return tmp_path / "runs"


def table(run):
    found = pd.read_parquet(run / "results.parquet")
    return found[~found["metric"].str.startswith("cost")].reset_index(drop=True)


def files(run):
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}


def change(run, method, **changed):
    """Other values in trial.json of a method's trials, as if it had been written so."""
    for file in run.glob("trials/*/trial.json"):
        result = read_json(file)
        if result["method"] == method:
            write_json(file, result | changed)


def test_seeds_made_apart_give_the_table_of_all_and_merging_again_changes_nothing(copies, program):
    code, text = program("merge", copies / "zero", copies / "one", "--out", copies / "both")
    assert (code, text.splitlines()[0]) == (0, "4 finished trials, 0 of them in several runs")
    order = ["dataset", "method", "seed", "metric", "scope", "round"]
    sides = [table(copies / name).sort_values(order, ignore_index=True) for name in ("both", "whole")]
    pd.testing.assert_frame_equal(*sides, check_exact=True)
    before = files(copies / "both")
    found = merge([copies / "one", copies / "zero", copies / "both"], copies / "both")
    assert (found.trials, found.twice, found.damaged) == (4, 4, [])
    assert files(copies / "both") == before
    code, text = program("run", copies / "tiny.yaml", "--out", copies / "both", "--no-report")
    assert (code, text.splitlines()[0]) == (0, "4 trials: 0 to run, 4 kept from before; 2 at a time") or "0 to run" in text


def test_a_trial_with_other_results_in_another_run_is_refused_and_named(copies):
    (run,) = (RunDir(copies / "zero"),)
    trial = next(trial for trial in run.trials() if trial.spec.method == "copy")
    result = run.result(trial.key)
    scores = [{**score, "value": 9.0} if score["key"] == "rg" else score for score in result["scores"]]
    change(copies / "zero", "copy", scores=scores)
    with pytest.raises(StoreError, match=r"phantom/copy/0 has different results: scores\.rg rg all .*-> 9\.0"):
        merge([copies / "whole", copies / "zero"], copies / "both")


def test_times_may_differ(copies):
    change(copies / "zero", "copy", seconds={"total": 99.0}, ran={"worker": "w", "lost": []})
    assert merge([copies / "whole", copies / "zero"], copies / "both").twice == 2


def test_other_versions_are_refused_even_where_no_trial_is_in_both(copies):
    plan = RunDir(copies / "one").plan()
    for component in plan["components"]:
        if component["name"] == "parallel-cgan":
            old, component["version"] = component["version"], "9.9"
    write_json(copies / "one" / "plan.json", plan)
    with pytest.raises(StoreError) as refused:
        merge([copies / "zero", copies / "one"], copies / "both")
    assert f"generator 'parallel-cgan' {old} -> 9.9" in refused.value.message


def test_another_suite_is_refused(copies):
    plan = RunDir(copies / "one").plan()
    write_json(copies / "one" / "plan.json", {**plan, "suite": "other"})
    with pytest.raises(StoreError, match="is of suite 'other'"):
        merge([copies / "zero", copies / "one"], copies / "both")


def test_damage_is_told_and_the_whole_copy_is_taken(copies, program):
    broken = next(file for file in (copies / "zero").glob("trials/*/trial.json"))
    broken.write_bytes(broken.read_bytes()[:100])
    code, text = program("merge", copies / "zero", copies / "one", "--out", copies / "both")
    assert code == 0 and "3 finished trials" in text and "damaged, left out: " in text and "trial.json" in text
    code, text = program("merge", copies / "both", copies / "whole", "--out", copies / "both")
    assert code == 0 and "4 finished trials, 3 of them in several runs" in text
    assert len(table(copies / "both")) == len(table(copies / "whole"))
