"""An audit from the suite file to the exit code: a copy, an honest run and two faults; and what an interruption must not change."""

import json

import pytest

import fpmg_bench
from fpmg_bench.cli import main
from fpmg_bench.registry import Registry
from fpmg_bench.runner.one import build
from fpmg_bench.store import RunDir, TrialSink, read_json
from fpmg_bench.trial import run_trial

SUITE = """
version: 1
name: audits
seeds: [0]
datasets: [{name: phantom, patients: 300, silos: 2, modalities: [table, series]}]
partition: natural
budget: {rounds: 3, local_steps: 4, sampling_rate: 0.15, encoder_rounds: 0}
methods:
  honest:
    encoders: {table: {name: frozen, dim: 8}, series: {name: frozen, dim: 8}}
    generator: {name: parallel-cgan, hidden: 24}
    topology: ring
    aggregator: fedavg
    privacy: {epsilon: 1, delta: 1.0e-5, clip: 0.01}
    audit: {canaries: 60}
  no-noise: {extends: honest, audit: {canaries: 60, sabotage: no-noise}}
  fixed-batches: {extends: honest, audit: {canaries: 60, sabotage: fixed-batches}}
  encoders:
    extends: honest
    encoders: {table: autoencoder, series: {name: frozen, dim: 8}}
    budget: {encoder_rounds: 3}
    audit: {canaries: 60, sabotage: no-noise}
  sums: {extends: honest, audit: {canaries: 60, sabotage: no-noise-on-sums, chosen: influence}}
  copy: {control: copy, audit: {canaries: 60}}
metrics: [rg]
"""


@pytest.fixture(scope="module")
def run(run_here):
    out = run_here(SUITE)
    assert fpmg_bench.run(out.parent / "suite.yaml", out=out).counts["kept"] == 6  # kept: only the report is made
    return out


@pytest.fixture(scope="module")
def trials(run):
    found = [json.loads(path.read_text()) for path in run.glob("trials/*/trial.json")]
    return {trial["method"]: trial for trial in found}


def test_a_copy_gives_its_canaries_away(trials):
    audit = trials["copy"]["audit"]
    assert (audit["canaries"], audit["guesses"], audit["scorer"]) == (60, 60, "distance")
    assert audit["correct"] >= 59


def test_the_honest_run_holds_and_the_noiseless_one_does_not(trials):
    assert trials["honest"]["audit"]["epsilon_lower"] <= trials["honest"]["privacy"]["epsilon"] <= 1
    assert trials["no-noise"]["audit"]["epsilon_lower"] > 1 >= trials["no-noise"]["privacy"]["epsilon"]
    scores = {row["metric"]: row for row in trials["no-noise"]["scores"]}
    assert scores["audit.epsilon_lower"]["value"] == trials["no-noise"]["audit"]["epsilon_lower"]
    assert scores["audit.epsilon_lower"]["family"] == "PG"


def test_canaries_are_found_in_stage_1_and_in_sums(trials):
    """Every scorer says what it guessed; those of what is honest are at chance."""
    found = {name: trials[name]["audit"]["scorers"] for name in ("honest", "encoders", "sums")}
    assert set(found["honest"]) == set(found["sums"]) == {"gradients", "sums", "distance"}
    assert set(found["encoders"]) == {"gradients", "encoders", "sums", "distance"}
    assert found["encoders"]["encoders"]["correct"] >= 34 and found["encoders"]["encoders"]["guesses"] == 44
    assert found["sums"]["sums"]["correct"] == 44 == trials["sums"]["audit"]["correct"]
    assert trials["sums"]["audit"]["scorer"] == "sums" and trials["sums"]["audit"]["violated"]
    assert found["sums"]["gradients"]["correct"] <= 35 and found["honest"]["sums"]["correct"] <= 35


def test_the_ledger_counts_the_canaries_that_are_in(trials, run):
    """190 training patients are left by the split; the coins of 60 canaries add about 30."""
    ledger = json.loads((run / "trials" / trials["honest"]["key"] / "ledger.json").read_text())
    patients = sum(silo["observed"]["stage2"]["patients"] for silo in ledger["silos"])  # those it states are noisy
    split = trials["honest"]["split"]
    assert patients == split["train"]["patients"]
    assert split["r1"]["patients"] + split["r2"]["patients"] < 0.6 * (300 - patients + 30)
    for silo in ledger["silos"]:
        assert silo["observed"]["stage2"]["patients"] != silo["patients"]  # sizes are private
        assert silo["observed"]["stage2"]["draws"] == 12


def test_the_program_exits_with_6_and_names_each_fault(run, capsys):
    with pytest.raises(SystemExit) as left:
        main(["audit", str(run)])
    printed = capsys.readouterr().out
    assert left.value.code == 6
    assert "phantom/fixed-batches/0, silo site-1: stage2: 12 batches whose size varies by" in printed
    assert "VIOLATION: the lower bound is above the formal epsilon" in printed
    assert "violation: phantom/honest/0" not in printed
    assert (
        "violation: phantom/no-noise/0, silo site-1: stage2: the noise of 3 of 4 openings is not that of the suite's seed"
        in printed
    )


def test_the_report_has_a_red_banner(run):
    page = (run / "report.html").read_text()
    assert "Privacy violation" in page
    assert "phantom/no-noise/0: canaries show ε of at least" in page
    assert "planted fault: fixed-batches" in page
    assert "phantom/honest/0: canaries" not in page


class Killed(Exception):
    """The process ends here."""


class Interrupted(TrialSink):
    """A sink that writes every checkpoint and dies after the second round of stage 2."""

    def checkpoint(self, stage, round, *rest):
        written = super().checkpoint(stage, round, *rest)
        if (stage, round) == ("stage2", 2):
            raise Killed
        return written


def test_an_interrupted_audit_ends_as_if_it_had_not_been(run, trials, tmp_path):
    planned = next(trial for trial in RunDir(run).trials() if trial.spec.method == "honest")
    folder, registry = RunDir(tmp_path), Registry.discover()
    with pytest.raises(Killed):
        run_trial(planned.spec, build(planned.spec, registry), Interrupted(folder, planned, True, lambda event: None, every=0.0))
    run_trial(planned.spec, build(planned.spec, registry), TrialSink(folder, planned, True, lambda event: None))
    again = json.loads((folder.trial(planned.key) / "trial.json").read_text())
    assert again["audit"] == trials["honest"]["audit"]
    first, second = (read_json(place.trial(planned.key) / "ledger.json") for place in (RunDir(run), folder))
    assert first == second
    scores = [TrialSink(place, planned, True, lambda event: None).trained_extra["audit"] for place in (RunDir(run), folder)]
    assert scores[0] == scores[1]
    assert set(scores[0]) == {"0", "1"}
