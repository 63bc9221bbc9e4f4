"""Whole rounds with faults, on toy learners."""

import copy

import pytest
import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.coordinate_median import CoordinateMedian
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.aggregators.mean import Mean
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.hierarchical import Hierarchical
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.faults import Faults, ScheduledFault
from fpmg_bench.faults.kinds import KINDS
from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.transport import Inproc
from fpmg_bench.types import Update

from .toys import Drift, FakeShard, go

MESSAGE = 2 * 5 * 4
TOPOLOGIES = [Ring(), Ring(relay=False), Star(), Hierarchical(), Full(), Exponential(), Cyclic(), Isolated()]


def faulted(kind, *silos, since=0, until=None, links=(), **params):
    pairs = frozenset(frozenset(pair) for pair in links)
    return Faults((ScheduledFault(KINDS[kind](**params), kind, silos, since, until, (2,), pairs),), seed=7)


def same(a, b):
    return all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize(
    "topology", TOPOLOGIES, ids=lambda t: f"{type(t).__name__}{'' if getattr(t, 'relay', True) else '-gossip'}"
)
def test_after_a_crash_the_others_close_the_gap_and_go_on(topology):
    first, _ = go(topology, FedAvg(), 5, rounds=1)
    done, records = go(topology, FedAvg(), 5, rounds=4, faults=faulted("crash", 2, since=1))
    assert same(done.states[2], first.states[2])
    assert all(not same(done.states[silo], first.states[silo]) for silo in (0, 1, 3, 4))
    assert [record.get("inactive") for record in records] == [None, [2], [2], [2]]
    assert [record["bytes"] for record in records] == [topology.messages(n) * MESSAGE for n in (5, 4, 4, 4)]
    assert "2" not in records[2]["losses"] and "2" not in records[2]["sent"]


def test_the_others_train_and_merge_as_if_the_crashed_silo_had_never_been_there():
    done, _ = go(Star(), Mean(), 3, rounds=2, faults=faulted("crash", 2))
    alone, _ = go(Star(), Mean(), 2, rounds=2)
    assert all(same(done.states[silo], alone.states[silo]) for silo in (0, 1))


def test_a_silo_rejoins_with_the_weights_that_it_had():
    starts = {}

    class Spy(Drift):
        def train(self, state, shard, ctx):
            starts[ctx.silo, ctx.round] = state["a/w"].clone()
            return super().train(state, shard, ctx)

    done, records = go(Ring(), FedAvg(), 4, rounds=5, learner=Spy(), faults=faulted("crash", 1, since=1, until=3))
    assert (1, 1) not in starts and (1, 2) not in starts
    assert torch.equal(starts[1, 3], starts[0, 1])  # what everybody had when it crashed
    assert not torch.equal(starts[1, 3], starts[0, 3])
    assert same(done.states[0], done.states[1])
    assert [record.get("inactive") for record in records] == [None, [1], [1], None, None]


def test_a_servers_model_and_memory_outlive_the_absence_of_the_first_silo():
    memories = []

    class Keeping(CenteredClipping):
        def merge(self, inputs, weights, reference, own, memory):
            memories.append((bool(memory), reference.clone()))
            return super().merge(inputs, weights, reference, own, memory)

    kept = []
    plan = Plan(
        "stage2", Star(), Keeping(), 4, {i: SiloPlan(1) for i in range(3)}, seed=7, faults=faulted("crash", 0, since=1, until=3)
    )
    run(Drift(), None, {i: FakeShard(10) for i in range(3)}, plan, lambda r, now: kept.append(now.states[1]["a/w"].clone()))
    assert [had for had, _ in memories] == [False, True, True, True]
    assert torch.equal(memories[3][1][:5], kept[2])  # not the stale weights of silo 0, which is back


def test_nobody_there_is_a_round_without_anything():
    done, records = go(Ring(), FedAvg(), 3, rounds=2, faults=faulted("dropout", 0, 1, 2, until=1, p=1.0))
    assert records[0]["inactive"] == [0, 1, 2] and records[0]["messages"] == records[0]["bytes"] == 0
    assert records[1]["bytes"] == 6 * MESSAGE and "inactive" not in records[1]
    assert done.round == 2


class Ahead(Drift):
    """From 0, everybody moves by 1 in every coordinate, give or take .1."""

    def init(self, schema, stats, rng):
        return {"a/w": torch.zeros(2000)}

    def train(self, state, shard, ctx):
        return Update({"a/w": state["a/w"] + 1.0 + 0.1 * torch.randn(2000, generator=ctx.rng)}, shard.patients)


def test_one_sign_flip_of_eight_spoils_the_mean_and_not_the_median():
    def moved(aggregator, faults):
        done, _ = go(Ring(), aggregator, 8, rounds=1, sizes=[10] * 8, learner=Ahead(), faults=faults)
        return float(done.states[1]["a/w"].mean())

    liar = faulted("sign-flip", 3, scale=7.0)
    assert moved(FedAvg(), Faults()) == pytest.approx(1.0, abs=0.01)
    assert moved(FedAvg(), liar) == pytest.approx(0.0, abs=0.02)  # (7 - 7) / 8
    assert moved(CoordinateMedian(), liar) == pytest.approx(1.0, abs=0.03)


def test_a_liar_tells_everyone_its_lie_and_consistency_is_that_of_the_honest():
    clean, (plain,) = go(Ring(relay=False), FedAvg(), 4, rounds=1, sizes=[5] * 4)
    done, (record,) = go(Ring(relay=False), FedAvg(), 4, rounds=1, sizes=[5] * 4, faults=faulted("sign-flip", 0, scale=100.0))
    assert same(done.states[2], clean.states[2])  # no neighbour of the liar
    assert not same(done.states[1], clean.states[1])
    assert record["theory"] is None and plain["theory"] is not None
    assert all(module["theory"] is None for module in record["modules"].values())
    assert record["silos"].keys() == {"1", "2", "3"}
    assert record["bytes"] == record["closed_form"] == plain["bytes"]
    honest = torch.stack([torch.cat([done.states[s]["a/w"], done.states[s]["b/w"]]) for s in (1, 2, 3)]).double()
    assert record["after"] == pytest.approx(float((honest - honest.mean(0)).square().sum(1).mean().sqrt()), rel=1e-6)


def test_a_liar_lies_to_the_next_silo_of_a_cycle():
    seen = {}

    class Spy(Drift):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            seen[ctx.silo] = (state["a/w"].clone(), update.state["a/w"])
            return update

    go(Cyclic(), FedAvg(), 3, rounds=1, learner=Spy(), faults=faulted("sign-flip", 1, scale=2.0))
    got, trained = seen[1]
    torch.testing.assert_close(got, seen[0][1])
    torch.testing.assert_close(seen[2][0], got - 2.0 * (trained - got))


def frames(topology, faults, n=4):
    transport = Inproc(record=True)
    go(topology, FedAvg(), n, rounds=1, faults=faults, transport=transport)
    models = {dst: [f for f in got if "payload" in f] for dst, got in transport.frames.items()}
    return {(f["src"], dst, f["origin"]): f["payload"]["float32"] for dst, got in models.items() for f in got}


def test_equivocation_is_seen_by_comparing_what_two_neighbours_got():
    clean, lied = frames(Ring(relay=False), Faults()), frames(Ring(relay=False), faulted("equivocation", 0))
    changed = [key for key in clean if not torch.equal(clean[key], lied[key])]
    assert len(changed) == 1 and changed[0][0] == 0
    assert torch.equal(clean[0, 1, 0], clean[0, 3, 0]) and not torch.equal(lied[0, 1, 0], lied[0, 3, 0])


def test_a_tampered_relay_spoils_what_comes_after_it_and_nothing_before():
    clean, lied = frames(Ring(), Faults()), frames(Ring(), faulted("relay-tampering", 1))
    changed = {key for key in clean if not torch.equal(clean[key], lied[key])}
    assert changed == {(1, 2, 0), (1, 2, 3), (2, 3, 0)}  # what 1 relays: 0 and 3, of which 0 goes on to 3


def test_a_cut_ring_is_a_path_on_which_relays_stay_incomplete():
    transport = Inproc(record=True)
    _, (record,) = go(Ring(), FedAvg(), 4, rounds=1, faults=faulted("cut-link", 1, links=[(1, 2)]), transport=transport)
    heard = {dst: {f["origin"] for f in got if "payload" in f} for dst, got in transport.frames.items()}
    assert heard == {3: {2}, 0: {2, 3}, 1: {0, 2, 3}, 2: set()}  # silo 2 hears nobody but the sums, which are not struck
    assert record["lost"] == 6 and record["closed_form"] is None
    assert record["bytes"] == 6 * MESSAGE and record["messages"] == 6


def test_below_its_least_number_of_inputs_a_silo_keeps_its_model_when_messages_are_lost():
    class Spy(Drift):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            trained[ctx.silo] = update.state["a/w"]
            return update

    trained = {}
    faults = faulted("omission", 0, 1, 2, 3, p=1.0)
    done, (record,) = go(Ring(relay=False), CoordinateMedian(), 4, rounds=1, learner=Spy(), faults=faults)
    assert record["lost"] == 8 and record["bytes"] == 0
    assert all(torch.equal(done.states[silo]["a/w"], trained[silo]) for silo in range(4))


def test_a_hub_that_nobody_reached_sends_nothing_up():
    done, (record,) = go(Hierarchical(hubs=2), Mean(), 4, rounds=1, faults=faulted("omission", 2, 3, p=1.0))
    half, _ = go(Star(), FedAvg(), 2, rounds=1)
    torch.testing.assert_close(done.states[3]["a/w"], half.states[0]["a/w"])  # of hub 1 alone, silos 0 and 1
    assert record["lost"] == 3


@pytest.mark.parametrize(
    "faults",
    [
        faulted("crash", 1, since=1, until=4),
        faulted("dropout", 0, 1, 2, p=0.4),
        faulted("gaussian", 2),
        faulted("omission", 0, 3, p=0.5),
    ],
    ids=lambda faults: faults.schedule[0].name,
)
def test_a_resumed_run_equals_the_uninterrupted_one(faults):
    kept = []
    plan = Plan("stage2", Ring(), CenteredClipping(), 6, {i: SiloPlan(2) for i in range(4)}, seed=7, faults=faults)
    shards = {i: FakeShard(10 + i) for i in range(4)}
    whole = run(Drift(), None, shards, plan, lambda r, now: kept.append(copy.deepcopy(now)) if r["round"] == 2 else None)
    again = run(Drift(), None, shards, plan, lambda record, now: None, resume=kept[0])
    assert all(same(again.states[i], whole.states[i]) for i in range(4))


def test_an_empty_list_of_faults_changes_no_bit():
    plain, records = go(Ring(relay=False), CenteredClipping(), 5)
    bare, others = go(Ring(relay=False), CenteredClipping(), 5, faults=Faults((), seed=99))
    assert all(same(plain.states[i], bare.states[i]) for i in range(5))
    assert [r.keys() for r in records] == [r.keys() for r in others]


@pytest.mark.parametrize("faults", [faulted("crash", 2, since=1), faulted("sign-flip", 3)], ids=["crash", "sign-flip"])
def test_gossip_that_neighbours_hand_on_ends_like_gossip_over_direct_links(faults):
    direct, _ = go(Ring(relay=False, hops=2), FedAvg(), 6, rounds=2, faults=faults)
    handed, _ = go(Ring(relay=False, hops=2, links="neighbours"), FedAvg(), 6, rounds=2, faults=faults)
    assert all(same(direct.states[silo], handed.states[silo]) for silo in range(6))


def test_what_neighbours_hand_on_is_lost_with_the_link():
    def lost(links):
        faults = faulted("cut-link", 1, links=[(1, 2)])
        return go(Ring(relay=False, hops=2, links=links), FedAvg(), 6, rounds=1, faults=faults)[1][0]["lost"]

    assert (lost("direct"), lost("neighbours")) == (2, 6)  # 0 -> 2, 1 -> 2, 1 -> 3 and back go over 1 - 2


def test_a_module_is_handed_over_by_an_honest_living_holder_to_living_silos_only():
    def ended(faults):
        learner = Drift(missing={2: "b", 3: "b"})
        return go(Ring(relay=False), FedAvg(), 7, rounds=2, learner=learner, lacks={2: {"x"}, 3: {"x"}}, faults=faults)[0].states

    def held(states, silo):
        return [h for h in (0, 1, 4, 5, 6) if torch.equal(states[silo]["b/w"], states[h]["b/w"])]

    assert held(ended(Faults()), 2) == held(ended(Faults()), 3) == [0]
    crashed = ended(faulted("crash", 3, since=1))
    assert held(crashed, 2) == [0] and held(crashed, 3) == []
    assert held(ended(faulted("sign-flip", 0)), 2) == [1]


def test_secure_aggregation_closes_over_a_crash():
    secure, records = go(Star(masked=True), FedAvg(), 4, rounds=3, faults=faulted("crash", 1, since=1, until=2))
    plain, _ = go(Star(), FedAvg(), 4, rounds=3, faults=faulted("crash", 1, since=1, until=2))
    assert [record["messages"] for record in records] == [8, 6, 8]
    for silo in range(4):
        torch.testing.assert_close(secure.states[silo]["a/w"], plain.states[silo]["a/w"], atol=1e-5, rtol=1e-5)
