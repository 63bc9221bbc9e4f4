"""CO from round records whose answers are known by hand."""

from __future__ import annotations

import pytest
from fpmg_plugins.metrics.federation.co import Co

from fpmg_bench.keys import rng_for
from fpmg_bench.testing.metrics import evidence, good


def scored(rounds, counted, metric=None):
    seen = evidence(good())
    seen.rounds, seen.bytes = tuple(rounds), counted
    scores = (metric or Co())(seen, rng_for(0, "metric"))
    gaps = {gap.key: gap.reason for gap in seen.gaps}
    return {score.key: score.value for score in scores if score.scope == "all"}, scores, gaps


def a_round(i, tstr=None, stage="stage2", **more):
    scores = {} if tstr is None else {"scores": [{"key": "tstr", "scope": "all", "modality": None, "value": tstr}]}
    return {"stage": stage, "round": i, "bytes": 600, "path": [100, 300], **scores, **more}


def stage(n, **more):
    sent = {"-1": 300.0 * n, "0": 100.0 * n, "1": 200.0 * n}
    besides = {"statistics": 40, "handover": 0, "keys": 0, "path": [20, 20]}
    return {"rounds": [600] * n, "per_silo": sent, "messages": 4 * n, **besides, **more}


def counted(n, **more):
    return {"stage2": stage(n, **more), "total": 600 * n + 40, "headers": 7, "path": [], "raw_upload": 6400}


def test_network_seconds_are_hops_of_latency_and_the_largest_load_over_the_bandwidth():
    rounds = [a_round(0), a_round(1, delay={"0": 1.0, "3": 2.5}), a_round(2)]
    found, _, _ = scored(rounds, counted(3), Co(latency=0.5, bandwidth=100.0))
    assert found["co.hops"] == 3 * 2 + 2
    assert found["co.round_hops"] == 2
    assert found["co.network_seconds"] == pytest.approx(8 * 0.5 + (3 * 400 + 40) / 100 + 2.5)
    assert found["co.ratio"] == pytest.approx(1840 / 6400)


def test_each_silo_has_its_bytes_a_round_and_the_server_none():
    _, scores, _ = scored([a_round(0), a_round(1)], counted(2))
    assert {s.scope: s.value for s in scores if s.key == "co.per_round"} == {"all": 600, "silo:silo 0": 100, "silo:silo 1": 200}


@pytest.mark.parametrize(
    ("utility", "rounds"), [([0.5, 0.79, 0.8], 2), ([0.8, 0.5, 0.8], 1), ([0.5, 0.78, 0.8], 3), ([0.9, 0.8, 0.7], 1), ([0.7], 1)]
)
def test_bytes_to_target_end_with_the_first_round_within_two_per_cent_of_the_last(utility, rounds):
    """40 bytes of statistics came before."""
    found, _, _ = scored([a_round(i, value) for i, value in enumerate(utility)], counted(len(utility)))
    assert found["co.to_target"] == 40 + 600 * rounds


def test_bytes_to_target_include_the_encoders_and_rounds_between_evaluations():
    rounds = [a_round(0, stage="stage1:table"), a_round(0), a_round(1, 0.8), a_round(2), a_round(3, 0.8)]
    both = counted(4, handover=1000) | {
        "stage1:table": stage(1, handover=5)
    }  # the generator's hand-over comes after the last round
    assert scored(rounds, both)[0]["co.to_target"] == 2 * 40 + 5 + 3 * 600


def test_without_utility_between_rounds_the_reason_is_said():
    assert "evaluate_every" in scored([a_round(0)], counted(1))[2]["co.to_target"]
    other = [a_round(0, scores=[{"key": "rg", "scope": "all", "modality": None, "value": 1.0}])]
    assert "tstr" in scored(other, counted(1))[2]["co.to_target"]


def test_a_pooled_trial_is_one_upload():
    pooled = counted(1) | {"path": [6400], "total": 6400}
    found, _, _ = scored(
        [a_round(0, 0.8, bytes=0, path=[])], pooled | {"stage2": {"rounds": [0]}}, Co(latency=1.0, bandwidth=6400.0)
    )
    assert found["co.to_target"] == 6400
    assert (found["co.hops"], found["co.network_seconds"], found["co.ratio"]) == (1, 2.0, 1.0)
