"""Trials with faults by the program: what is recorded, who is measured, and what a crash leaves of a privacy budget."""

import json

import pytest

from fpmg_bench.audit import recompute
from fpmg_bench.report import build as report

SUITE = """version: 1
name: faulty
seeds: [0]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
partition: natural
budget: {rounds: 3, local_steps: 2, sampling_rate: 1.0, encoder_rounds: 2}
methods:
  crash:
    encoders: {table: {name: frozen, dim: 8}}
    generator: {name: parallel-cgan, hidden: 24}
    topology: {name: ring, relay: false}
    aggregator: fedavg
    privacy: {epsilon: 8, delta: 1e-3}
    faults: [{kind: crash, from: 1}]
  liar:
    extends: crash
    encoders: {table: autoencoder}
    privacy: null
    topology: ring
    faults: [{kind: sign-flip, scale: 3, stage: both}, {kind: label-flip}, {kind: omission, p: 0.5}]
metrics: [fc, pg]
"""


@pytest.fixture(scope="module")
def trials(run_here):
    found, out = {}, run_here(SUITE)
    for file in (out / "trials").glob("*/trial.json"):
        record = json.loads(file.read_text())
        rounds = [json.loads(line) for line in (file.parent / "rounds.jsonl").read_text().splitlines()]
        ledger = json.loads((file.parent / "ledger.json").read_text())
        found[record["method"]] = record | {"rounds": rounds, "ledger": ledger, "out": out}
    return found


def measured(trial, key):
    return {row["scope"] for row in trial["scores"] if row["key"] == key and row["status"] == "ok"}


def test_a_crashed_silo_is_not_measured_and_spends_less(trials):
    reported = trials["crash"]["faults"]
    ((gone, why),) = reported["excluded"].items()
    assert why == "crashed in round 1" and reported["missed"] == {gone: 2} and reported["lost"] == 0
    assert reported["struck"][0]["silos"] == [gone] and "lasts to the end" in reported["struck"][0]["heal"]["reason"]
    steps = {
        silo["name"]: next(e["count"] for e in silo["entries"] if e["stage"] == "stage2" and e["mechanism"] == "step")
        for silo in trials["crash"]["ledger"]["silos"]
    }
    assert steps.pop(gone) * 3 == set(steps.values()).pop()
    spent = {silo["name"]: silo["epsilon"] for silo in trials["crash"]["ledger"]["silos"]}
    assert spent[gone] < min(e for name, e in spent.items() if name != gone) <= 8
    assert measured(trials["crash"], "pg.epsilon") == {"all", *(f"silo:{name}" for name in spent if name != gone)}


def test_the_accounts_of_a_trial_with_a_crash_pass_the_audit(trials):
    crash = trials["crash"]
    audits = recompute.recompute(crash, crash["ledger"], crash["rounds"])
    assert len(audits) == 3 and not any(audit.violations for audit in audits)


def test_liars_are_left_out_and_losses_counted(trials):
    reported = trials["liar"]["faults"]
    flip, labels, omission = (fault["silos"] for fault in reported["struck"])
    assert reported["excluded"] == dict.fromkeys([*flip, *labels], "lies")
    assert len({*flip, *labels, *omission}) == 3
    lost = [record.get("lost", 0) for record in trials["liar"]["rounds"]]
    assert reported["lost"] == sum(lost) > 0
    assert all((record["closed_form"] is None) == bool(record.get("lost")) for record in trials["liar"]["rounds"])
    assert {record["stage"] for record in trials["liar"]["rounds"] if record["theory"] is None} == {"stage1:table", "stage2"}


def test_the_report_tells_of_them(trials):
    out = trials["crash"]["out"]
    page = report(out, out.parent / "report.html").read_text()
    assert 'id="faults"' in page and "crash of 1 silo from round 1" in page and "omission of 1 silo" in page
