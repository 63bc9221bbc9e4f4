"""From a suite and its cohorts to trials: order, precedence, what is skipped, and keys that nobody can use."""

from __future__ import annotations

import json

import pytest

from fpmg_bench.errors import SuiteError
from fpmg_bench.keys import canonical
from fpmg_bench.spec import Choice
from fpmg_bench.suite import expand

TWO = """\
version: 1
seeds: [0, 1]
datasets:
  - {name: toy, patients: 7}
  - {name: toy-two, partition: {kind: iid, silos: 4}, optional: true}
metrics: [rg, {name: dg}]
budget: {rounds: 2}
limits: {trial: 90s}
"""


@pytest.fixture
def both(info):
    return {"toy": info("toy"), "toy-two": info("toy-two", {})}


def test_trials_come_seed_by_seed_so_that_a_stopped_run_compares(suite, registry, both):
    plan = expand(suite("  other: {extends: base, topology: star}\n", head=TWO), registry, both)
    ids = [trial.id for trial in plan.trials]
    assert ids == [f"{d}/{m}/{seed}" for seed in (0, 1) for d in ("toy", "toy-two") for m in ("base", "other")]


def test_a_trial_carries_all_it_needs(suite, registry, both):
    trial = expand(suite(head=TWO), registry, both).trials[0]
    assert trial.dataset == Choice("toy", {"patients": 7})
    assert trial.encoders == {"labs": Choice("tables"), "notes": Choice("words")}
    assert trial.metrics == (Choice("rg"), Choice("dg"))
    assert (trial.budget.rounds, trial.limit_seconds, trial.holdout, trial.role) == (2, 90.0, 0.0, "method")
    assert json.loads(canonical(trial))["seed"] == 0


def test_a_partition_of_the_method_wins_over_the_datasets_and_that_over_the_suites(suite, registry, both):
    plan = expand(suite("  pooled: {extends: base, partition: pooled}\n", head=TWO), registry, both, seeds=[5])
    assert {trial.id: trial.partition["kind"] for trial in plan.trials} == {
        "toy/base/5": "natural", "toy/pooled/5": "pooled", "toy-two/base/5": "iid", "toy-two/pooled/5": "pooled",
    }  # fmt: skip


def test_a_modality_takes_the_encoder_of_its_name_before_that_of_its_kind(suite, registry, info):
    cohort = info(modalities={"labs": "table", "history": "table", "notes": "text"})
    method = "  named: {extends: base, encoders: {history: {name: tables, dim: 9}}}\n"
    trial = expand(suite(method), registry, {"toy": cohort}, only="named").trials[0]
    assert trial.encoders == {"labs": Choice("tables"), "history": Choice("tables", {"dim": 9}), "notes": Choice("words")}


def test_a_modality_that_no_record_has_is_left_out(suite, registry, info):
    cohort = info()
    cohort.present["notes"] = 0  # type: ignore[index]
    trial = expand(suite(), registry, {"toy": cohort}).trials[0]
    assert list(trial.encoders) == ["labs"]


def test_silo_overrides_go_where_they_fit_and_the_qualified_one_wins(suite, registry, info):
    silos = (
        "    silos: {A: {local_steps: 3, lr: 0.5}, toy/A: {local_steps: 5}, B: {local_steps: 4}, toy-two/A: {local_steps: 6}}\n"
    )
    cohorts = {"toy": info("toy"), "toy-two": info("toy-two", {"A": 500, "Z": 500})}
    head = TWO.replace("partition: {kind: iid, silos: 4}, ", "")
    plan = expand(suite(silos + "  pooled: {extends: base, partition: pooled}\n", head=head), registry, cohorts, "/0")
    found = {trial.id: trial.silos for trial in plan.trials}
    assert found["toy/base/0"] == {"A": {"local_steps": 5, "lr": 0.5}, "B": {"local_steps": 4}}
    assert found["toy-two/base/0"] == {"A": {"local_steps": 6, "lr": 0.5}}
    assert found["toy/pooled/0"] == {}


def test_keys_that_no_cohort_can_use_are_errors_at_their_line(suite, registry, info):
    wrong = "    silos: {AA: {local_steps: 3}, toy/D: {local_steps: 3}}\n"
    wrong += "  more: {extends: base, encoders: {lab: tables, video: tables}}\n"
    with pytest.raises(SuiteError) as caught:
        expand(suite(wrong), registry, {"toy": info()})
    lines = caught.value.message.split("\n")
    assert lines[0].startswith("suite.yaml:12:13: methods.base.silos.AA: no cohort has a silo 'AA'. Did you mean 'A'?")
    assert lines[1].startswith("suite.yaml:12:35: methods.base.silos.toy/D: no cohort has a silo 'toy/D'. Did you mean 'toy/")
    assert lines[2].startswith(
        "suite.yaml:13:36: methods.more.encoders.lab: no cohort has a modality 'lab'. Did you mean 'labs'?"
    )
    assert len(lines) == 3


def test_a_missing_optional_cohort_is_skipped_with_its_reason_and_excuses_unknown_keys(suite, registry, info):
    here = {"toy": info("toy")}
    plan = expand(suite("    silos: {Elsewhere: {local_steps: 3}}\n", head=TWO), registry, here, missing={"toy-two": "no file"})
    assert [(skip.id, skip.reason) for skip in plan.skipped] == [("toy-two/base/0", "no file"), ("toy-two/base/1", "no file")]
    assert [trial.id for trial in plan.trials] == ["toy/base/0", "toy/base/1"]


def test_an_expression_that_selects_nothing_shows_what_an_id_looks_like(suite, registry, info):
    with pytest.raises(SuiteError, match=r"selects none.*an id looks like toy/base/0"):
        expand(suite(), registry, {"toy": info()}, only="fpmg")


def test_seeds_of_the_call_replace_the_suites(suite, registry, info):
    plan = expand(suite(), registry, {"toy": info()}, seeds=[7, 7, 8])
    assert [trial.seed for trial in plan.trials] == [7, 8]
    with pytest.raises(SuiteError, match="none below 0"):
        expand(suite(), registry, {"toy": info()}, seeds=[-1])


def test_tuning_holds_patients_out_of_cohorts_that_are_large_enough(suite, registry, info):
    more = "tune: {method: base, holdout: 0.2, objectives: [rg], space: {}}\n"
    large = expand(suite(more=more), registry, {"toy": info(patients=300)}).trials[0]
    small = expand(suite(more=more), registry, {"toy": info(patients=299)}).trials[0]
    assert (large.holdout, small.holdout) == (0.2, 0.0)


def test_an_encoder_named_for_one_cohort_wins_there_and_an_unknown_one_is_an_error(suite, registry, both):
    method = "  own: {{extends: base, encoders: {{table: {{name: tables, dim: 4}}, toy/labs: {{name: tables, dim: 8}}{more}}}}}\n"
    plan = expand(suite(method.format(more=""), head=TWO), registry, both, seeds=[0])
    dims = {trial.dataset_name: trial.encoders["labs"].params.get("dim") for trial in plan.trials if trial.method == "own"}
    assert dims == {"toy": 8, "toy-two": 4}
    with pytest.raises(SuiteError, match=r"no cohort has a modality 'toy/lab'\. Did you mean 'toy/labs'"):
        expand(suite(method.format(more=", toy/lab: tables"), head=TWO), registry, both)


@pytest.mark.parametrize(("patients", "delta"), [(300, 1e-3), (1000, 1e-4), (10_000, 1e-5), (100_000, 1e-6)])
def test_a_delta_that_nobody_names_is_the_power_of_ten_below_the_cohorts_patients_to_the_1_1(
    suite, registry, info, patients, delta
):
    """Below 1 / n a release of one patient in the clear is no longer allowed; the exponent leaves room."""
    private = "  dp: {extends: base, generator: {name: gan, loss: hinge}, privacy: {epsilon: 1%s}}\n"
    trials = expand(suite(private % ""), registry, {"toy": info(patients=patients)}, "dp").trials
    named = expand(suite(private % ", delta: 3.0e-7"), registry, {"toy": info(patients=patients)}, "dp").trials
    assert {trial.privacy.delta for trial in trials} == {delta}
    assert delta < patients**-1.1 <= delta * 10
    assert {trial.privacy.delta for trial in named} == {3e-7}
