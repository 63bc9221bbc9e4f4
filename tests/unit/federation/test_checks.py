"""A stage ends when patients held in say that it gets no better, and the model that they liked best is released."""

import copy

import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import TrialError
from fpmg_bench.federation import Federated, Plan, SiloPlan, run
from fpmg_bench.spec import Stop

from .toys import FakeShard, Walk, go, held


@pytest.mark.parametrize("topology", [Ring(), Ring(relay=False), Ring(sums="plain"), Star(), Star(masked=True)])
def test_training_ends_after_patience_and_the_best_model_comes_back(topology):
    done, records = go(topology, FedAvg(), 3, rounds=20, learner=Walk(), held=held(3, Stop("loss", 0.01, patience=2)))
    assert [r["check"]["loss"] for r in records] == pytest.approx([4.0, 1.0, 0.0, 1.0, 4.0], abs=1e-5)  # (x - 3)^2 after x rounds
    assert {k: records[-1]["check"][k] for k in ("best", "best_round", "missed", "patients")} == {
        "best": pytest.approx(0.0, abs=1e-5), "best_round": 3, "missed": 2, "patients": 6,
    }  # fmt: skip
    assert done.done and done.round == 5
    assert all(float(done.states[silo]["a/w"][0]) == pytest.approx(3.0, abs=1e-5) for silo in range(3))


def test_the_mean_is_over_patients_of_all_silos():
    asked = held(3, Stop("loss", 0.0))
    asked.shards[2].rows[:] = 1.0  # three of six
    _, records = go(Ring(), FedAvg(), 3, rounds=1, learner=Walk(), held=asked)
    assert records[0]["check"]["loss"] == pytest.approx((3 * 4 + 3 * 0) / 6)


def test_what_is_not_better_by_its_share_is_not_better():
    _, records = go(Ring(), FedAvg(), 3, rounds=20, learner=Walk(), held=held(3, Stop("loss", 0.9, patience=1)))
    assert [r["check"]["best_round"] for r in records] == [1, 1]  # 4, then 1: better by 75 % only


def test_checks_wait_for_their_turn_and_the_last_round_is_checked():
    asked = held(3, Stop("loss", 0.0, patience=9, every=3), begins=1)
    done, records = go(Ring(), FedAvg(), 3, rounds=6, learner=Walk(), held=asked)
    assert [r["round"] + 1 for r in records if "check" in r] == [4, 6]
    assert float(done.states[0]["a/w"][0]) == pytest.approx(4.0, abs=1e-5)  # 1 there, 9 at the end


@pytest.mark.parametrize(("every", "begins", "last"), [(1, 0, 7), (3, 0, 7), (3, 2, 7), (5, 9, 7), (2, 0, 1)])
def test_as_many_checks_are_planned_as_there_may_be(every, begins, last):
    stop = Stop("score", 0.0, patience=99, every=every)
    asked = held(3, stop, begins)
    _, records = go(Ring(), FedAvg(), 3, rounds=last, learner=Walk(), held=asked)
    assert sum("check" in r for r in records) == stop.checks(begins, last) > 0


@pytest.mark.parametrize(
    ("topology", "each"),
    [
        (Ring(), 2 * 16 + 2 * 8),
        (Star(), 3 * 16 + 3 * 8),
        (Ring(sums="plain"), 3 * 2 * 8),
    ],  # up under masks in 128 bits, down in 64
)
def test_checks_cost_exact_bytes(topology, each):
    free, _ = go(topology, FedAvg(), 3, rounds=3, learner=Walk())
    done, _ = go(topology, FedAvg(), 3, rounds=3, learner=Walk(), held=held(3, Stop("loss", 0.0, patience=9)))
    assert done.statistics_bytes - free.statistics_bytes == 3 * each
    assert done.key_bytes == free.key_bytes


def test_a_resumed_run_has_the_same_best_and_ends_at_the_same_round():
    kept: list[Federated] = []
    plan = Plan("stage2", Ring(), FedAvg(), 20, {i: SiloPlan(2) for i in range(3)}, seed=7)
    shards = {i: FakeShard(10 + i) for i in range(3)}
    asked = held(3, Stop("loss", 0.01, patience=2))

    def keep(record, now):
        kept.extend([copy.deepcopy(now)] if record["round"] == 3 else [])

    whole = run(Walk(), None, shards, plan, keep, held=asked)
    assert kept[0].best is not None and (kept[0].best.round, kept[0].best.missed) == (3, 1)
    again = run(Walk(), None, shards, plan, lambda record, now: None, resume=kept[0], held=asked)
    assert again.round == whole.round == 5
    assert all(torch.equal(again.states[i]["a/w"], whole.states[i]["a/w"]) for i in range(3))
    assert again.statistics_bytes == whole.statistics_bytes


def test_silos_that_do_not_hear_of_each_other_cannot_stop_together():
    with pytest.raises(TrialError, match="cannot agree when to stop"):
        go(Isolated(), FedAvg(), 3, learner=Walk(), held=held(3, Stop("loss", 0.0)))


def test_a_loss_that_is_not_finite_ends_the_trial_with_its_place():
    asked = held(3, Stop("loss", 0.0))
    asked.shards[1].rows[0] = float("nan")
    with pytest.raises(TrialError, match=r"round 0: the loss of patients held in is not finite"):
        go(Ring(sums="plain"), FedAvg(), 3, learner=Walk(), held=asked)
