import copy
import itertools

import pytest
import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.coordinate_median import CoordinateMedian
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import PlumbingError
from fpmg_bench.federation import Federated, Plan, SiloPlan, run
from fpmg_bench.transport import Inproc
from fpmg_bench.types import Step, Transfer

from .toys import Drift, FakeShard, go

MESSAGE = 2 * 5 * 4  # two modules of five float32


@pytest.mark.parametrize("aggregator", [FedAvg(), CenteredClipping(), CoordinateMedian()])
def test_after_a_relay_round_every_silo_holds_the_identical_model(aggregator):
    done, _ = go(Ring(), aggregator, 5)
    first = done.states[0]
    assert all(torch.equal(done.states[i][k], first[k]) for i in range(5) for k in first)
    assert all(done.states[i] is first for i in range(5))


@pytest.mark.parametrize("aggregator", [FedAvg(), CenteredClipping(), CoordinateMedian()])
def test_merging_at_each_reception_ends_like_merging_last(aggregator):
    each, _ = go(Ring(merge="each"), aggregator, 5)
    last, _ = go(Ring(merge="last"), aggregator, 5)
    assert all(torch.equal(each.states[0][k], last.states[0][k]) for k in each.states[0])


def test_relay_ring_with_fedavg_equals_star_with_fedavg():
    ring, _ = go(Ring(), FedAvg(), 4)
    star, _ = go(Star(), FedAvg(), 4)
    for key in ring.states[0]:
        torch.testing.assert_close(ring.states[0][key], star.states[0][key], atol=1e-6, rtol=1e-6)


def test_one_fedavg_round_is_the_mean_weighted_by_patients():
    captured = {}

    class Spy(Drift):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            captured[ctx.silo] = update.state["a/w"]
            return update

    done, _ = go(Star(), FedAvg(), 3, rounds=1, learner=Spy())
    expected = sum(w * captured[i] for i, w in enumerate([1 / 6, 2 / 6, 3 / 6]))
    torch.testing.assert_close(done.states[2]["a/w"], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("topology", "n", "messages"),
    [(Ring(), 5, 20), (Star(), 5, 10), (Ring(relay=False), 5, 10), (Ring(relay=False, hops=2), 5, 20), (Ring(relay=False), 2, 2),
     (Ring(relay=False, one_way=True), 4, 4), (Isolated(), 5, 0), (Ring(), 1, 0)],
)  # fmt: skip
def test_bytes_equal_the_closed_form(topology, n, messages):
    _, records = go(topology, FedAvg(), n)
    assert [r["bytes"] for r in records] == [messages * MESSAGE] * 3
    assert [r["closed_form"] for r in records] == [messages * MESSAGE] * 3


def test_a_topology_whose_formula_is_wrong_is_caught():
    class Boastful(Ring):
        def messages(self, silos):
            return silos

    with pytest.raises(PlumbingError, match="closed form"):
        go(Boastful(), FedAvg(), 4)


def test_isolated_silos_stay_apart_and_send_nothing():
    done, records = go(Isolated(), FedAvg(), 3)
    assert len({id(state) for state in done.states.values()}) == 3
    assert done.statistics_bytes == 0
    assert records[-1]["after"] == records[-1]["before"] > 0


def test_statistics_are_summed_over_the_federation_and_kept_apart_when_isolated():
    seen = {}

    class Watch(Drift):
        def init(self, schema, stats, rng):
            seen.setdefault("sums", []).append(float(stats["sum/x"]))
            return super().init(schema, stats, rng)

    go(Ring(), FedAvg(), 3, learner=Watch())
    assert seen["sums"] == [60.0]
    seen.clear()
    go(Isolated(), FedAvg(), 3, learner=Watch())
    assert seen["sums"] == [10.0, 20.0, 30.0]


@pytest.mark.parametrize(
    ("topology", "messages"), [(Ring(), 4), (Star(), 6), (Ring(relay=False), 4), (Isolated(), 0), (Ring(sums="plain"), 6)]
)
def test_statistics_cost_exact_bytes(topology, messages):
    done, _ = go(topology, FedAvg(), 3)
    assert (done.statistics_messages, done.statistics_bytes) == (messages, messages * 8)


def test_a_module_travels_among_its_holders_only():
    done, records = go(Ring(), FedAvg(), 4, learner=Drift(missing={3: "b"}), rounds=1)
    assert records[0]["bytes"] == (12 + 6) * 5 * 4
    start = Drift().init(None, {}, torch.Generator().manual_seed(0))
    assert done.states[3]["b/w"].shape == start["b/w"].shape
    assert not torch.equal(done.states[3]["b/w"], done.states[0]["b/w"])
    assert torch.equal(done.states[3]["a/w"], done.states[0]["a/w"])


def test_below_its_least_number_of_inputs_a_silo_keeps_its_model():
    done, records = go(Ring(relay=False), CoordinateMedian(), 2)
    assert records[0]["after"] == pytest.approx(records[0]["before"])
    assert not torch.equal(done.states[0]["a/w"], done.states[1]["a/w"])


def test_integers_never_travel():
    done, _ = go(Ring(), FedAvg(), 3)
    assert int(done.states[0]["a/count"]) == 3


def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit():
    kept: list[Federated] = []
    plan = Plan("stage2", Ring(relay=False), CenteredClipping(), 6, {i: SiloPlan(2) for i in range(4)}, seed=7)
    shards = {i: FakeShard(10 + i) for i in range(4)}
    whole = run(
        Drift(), None, shards, plan, lambda record, now: kept.append(copy.deepcopy(now)) if record["round"] == 2 else None
    )
    again = run(Drift(), None, shards, plan, lambda record, now: None, resume=kept[0])
    assert again.round == whole.round == 6
    assert all(torch.equal(again.states[i][k], whole.states[i][k]) for i in range(4) for k in whole.states[i])


def test_silos_keep_memories_of_their_own():
    done, _ = go(Ring(), FedAvg(), 3)
    assert [float(done.memories[i]["rounds"]) for i in range(3)] == [3.0, 3.0, 3.0]


def test_stop_ends_when_released_weights_hardly_move():
    _, records = go(Ring(), FedAvg(), 3, rounds=50, learner=Drift(noise=1e-6), stop=1e-3)
    assert len(records) == 1


def test_cyclic_plans_train_silo_after_silo():
    class Cyclic:
        def plan(self, silos, round, rng):
            hops = [Step((Transfer(a, b),), on_arrival="replace", train=(a,)) for a, b in itertools.pairwise(silos)]
            last = silos[-1]
            return [*hops, Step(tuple(Transfer(last, s) for s in silos[:-1]), on_arrival="replace", train=(last,))]

        def messages(self, silos):
            return 2 * (silos - 1)

    done, records = go(Cyclic(), FedAvg(), 3, rounds=1)
    start = run(
        Drift(),
        None,
        {i: FakeShard(1) for i in range(3)},
        Plan("stage2", Isolated(), FedAvg(), 0, {i: SiloPlan(1) for i in range(3)}, 7),
        print,
    )
    moved = (done.states[0]["a/w"] - start.states[0]["a/w"]).abs().sum()
    assert set(records[0]["losses"]) == {"0", "1", "2"}
    assert float(moved) > 0
    assert all(torch.equal(done.states[i]["a/w"], done.states[0]["a/w"]) for i in range(3))


def test_hubs_take_the_plain_mean_of_their_silos_weighted_by_patients():
    class TwoHubs:
        def plan(self, silos, round, rng):
            up = Step((Transfer(0, -2), Transfer(1, -2), Transfer(2, -3)), on_arrival="mean")
            top = Step((Transfer(-2, -1), Transfer(-3, -1)), on_arrival="merge")
            down = Step((Transfer(-1, -2), Transfer(-1, -3)), on_arrival="replace")
            return [up, top, down, Step((Transfer(-2, 0), Transfer(-2, 1), Transfer(-3, 2)), on_arrival="replace")]

        def messages(self, silos):
            return 2 * (silos + 2)

    hubs, records = go(TwoHubs(), FedAvg(), 3)
    star, _ = go(Star(), FedAvg(), 3)
    torch.testing.assert_close(hubs.states[1]["a/w"], star.states[1]["a/w"], atol=1e-5, rtol=1e-5)
    assert records[0]["bytes"] == 10 * MESSAGE


def test_frames_hold_what_was_delivered_when_asked_for():
    transport = Inproc(record=True)
    go(Ring(sums="plain"), FedAvg(), 3, rounds=2, transport=transport)
    models, sums = ({i: [f for f in transport.frames[i] if what in f] for i in range(3)} for what in ("payload", "sums"))
    assert [len(models[i]) for i in range(3)] == [4, 4, 4]
    assert {f["origin"] for f in models[0]} == {1, 2}
    assert [{f["origin"] for f in sums[i]} for i in range(3)] == [{1, 2}, {0, 2}, {0, 1}]
    assert all(f["round"] == -1 and f["sums"].keys() == {"sum/x"} for f in sums[0])
    go(Ring(), FedAvg(), 3, rounds=1, transport=(quiet := Inproc()))
    assert not quiet.frames


def test_weights_that_diverge_end_the_trial_with_a_place():
    class Explode(Drift):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            update.state["a/w"] = update.state["a/w"] * float("nan")
            return update

    with pytest.raises(Exception, match="stage2, round 0, silo 0"):
        go(Ring(), FedAvg(), 3, learner=Explode())
