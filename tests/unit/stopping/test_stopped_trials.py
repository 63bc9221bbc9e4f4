"""Trials whose budget stops by patients held in: what they are charged, and what a killed one does again."""

import pytest

from fpmg_bench.errors import PrivacyError
from fpmg_bench.store import read_json

from .toys import Dies, dying, go, plan

SUITE = """
version: 1
name: stopped
seeds: [0]
datasets: [{name: phantom, patients: 160, silos: 3, modalities: [table]}]
partition: natural
budget: {rounds: 8, local_steps: 2, sampling_rate: 0.2, stop: {loss: 0.5, patience: 2, every: 2, share: 0.3}}
methods:
  plain:
    encoders: {table: {name: frozen, dim: 8}}
    generator: {name: latent-flow, hidden: 8}
    topology: ring
    aggregator: fedavg
  scored:
    extends: plain
    budget: {rounds: 8, local_steps: 2, sampling_rate: 0.2, stop: {score: 0.5, patience: 1, share: 0.3}}
  private:
    extends: scored
    generator: {name: gaussian-mixture, components: 2, directions: 0, rounds: 8}
    privacy: {epsilon: 200, delta: 1.0e-3}
  blind: {extends: private, privacy: {epsilon: 1, delta: 1.0e-3}}
metrics: [co]
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return plan(SUITE, tmp_path_factory.mktemp("stopped"))


def lines(sink):
    return [
        {key: value for key, value in record.items() if key not in ("seconds", "merge_seconds", "sha256")}
        for record in sink.rounds
    ]


def test_a_killed_trial_goes_on_with_its_best_so_far(planned, tmp_path):
    place, trials = planned
    with pytest.raises(Dies):
        go(place, trials["plain"], dying(2))
    again, sink = go(place, trials["plain"])
    whole, unbroken = go(plan(SUITE, tmp_path)[0], trials["plain"])
    assert lines(sink) == lines(unbroken)
    assert [again[key] for key in ("scores", "bytes")] == [whole[key] for key in ("scores", "bytes")]
    assert [r["check"]["missed"] for r in sink.rounds if "check" in r] == [0, 1, 2]
    assert next(row["value"] for row in again["scores"] if row["key"] == "co.rounds") == 6.0


def test_a_private_check_is_a_charge_that_was_planned(planned):
    place, trials = planned
    done, sink = go(place, trials["private"])
    for silo in done["privacy"]["silos"]:
        counts = {entry["stage"]: entry["count"] for entry in silo["entries"] if entry["mechanism"] == "counts"}
        assert counts["check stage2"] == sum("check" in record for record in sink.rounds) == 2  # of the 8 that were planned
        assert silo["epsilon"] < 200
    assert done["status"] == "ok"


def test_under_privacy_those_held_in_and_the_others_share_what_is_declared(planned):
    """Neither side tells its true number: each says its share of the silo's noisy one."""
    place, trials = planned
    _, sink = go(place, trials["private"])
    ledger = read_json(place.trial(trials["private"].key) / "ledger.json")["silos"]
    seen = [silo["observed"] for silo in ledger]
    assert all(0 < each["check stage2"]["patients"] < each["stage2"]["patients"] for each in seen)
    assert sink.rounds[0]["check"]["patients"] == sum(max(1, round(0.3 * silo["patients"])) for silo in ledger)


def test_a_check_that_noise_hides_is_refused_with_the_way_out(planned):
    place, trials = planned
    with pytest.raises(PrivacyError, match=r"hides a score that is better by 0.5: epsilon pays for 8 checks \(fewer checks"):
        go(place, trials["blind"])


def test_a_score_leaves_stage_1_to_share(planned):
    _, trials = planned
    assert trials["scored"].stage1 != trials["plain"].stage1  # whose stop by loss is stage 1's too
    assert trials["scored"].stage1 != trials["private"].stage1
