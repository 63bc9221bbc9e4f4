"""Rounds over every topology, with every rule that is defined there."""

from itertools import pairwise

import pytest
import torch
from fpmg_plugins.aggregators.bulyan import Bulyan
from fpmg_plugins.aggregators.fedadam import FedAdam
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.aggregators.fpmg_robust import FpmgRobust
from fpmg_plugins.aggregators.geometric_median import GeometricMedian
from fpmg_plugins.aggregators.krum import Krum, MultiKrum
from fpmg_plugins.aggregators.mean import Mean
from fpmg_plugins.aggregators.self_centered_clipping import SelfCenteredClipping
from fpmg_plugins.aggregators.trimmed_mean import TrimmedMean
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.hierarchical import Hierarchical
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import TrialError

from .toys import Drift, go

MESSAGE = 2 * 5 * 4  # two modules of five float32
RULES = [Bulyan(), FedAdam(), FpmgRobust(), GeometricMedian(), Krum(), MultiKrum(), Mean(), TrimmedMean()]


@pytest.mark.parametrize("rule", RULES)
def test_after_a_relay_round_every_silo_holds_the_same_bits_as_after_a_full_one(rule):
    relayed, records = go(Ring(), rule, 7)
    direct, _ = go(Full(), rule, 7)
    for key, value in relayed.states[0].items():
        assert all(torch.equal(relayed.states[i][key], value) for i in range(7))
        assert all(torch.equal(direct.states[i][key], value) for i in range(7))
    assert records[-1]["before"] > records[-1]["after"]


def test_a_rule_that_uses_own_leaves_silos_apart():
    done, _ = go(Ring(), SelfCenteredClipping(tau=0.1), 4)
    assert not torch.equal(done.states[0]["a/w"], done.states[1]["a/w"])


@pytest.mark.parametrize(
    ("topology", "n", "messages"),
    [(Full(), 5, 20), (Exponential(), 5, 5), (Hierarchical(), 5, 14), (Hierarchical(hubs=3), 5, 16), (Cyclic(), 5, 5),
     (Cyclic(), 1, 0), (Exponential(), 1, 0), (Full(), 1, 0), (Hierarchical(), 1, 4), (Ring(relay=False, mixing="optimal"), 5, 10)],
)  # fmt: skip
def test_bytes_equal_the_closed_form(topology, n, messages):
    _, records = go(topology, FedAvg(), n)
    assert [r["bytes"] for r in records] == [r["closed_form"] for r in records] == [messages * MESSAGE] * 3


def test_a_hierarchy_with_fedavg_equals_the_star():
    tree, _ = go(Hierarchical(hubs=3), FedAvg(), 7)
    star, _ = go(Star(), FedAvg(), 7)
    torch.testing.assert_close(tree.states[4]["a/w"], star.states[4]["a/w"], atol=1e-6, rtol=1e-6)


def test_a_cyclic_model_is_trained_by_one_silo_after_the_other():
    visits = []

    class Spy(Drift):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            visits.append((ctx.round, ctx.silo, state["a/w"].clone(), update.state["a/w"].clone()))
            return update

    done, records = go(Cyclic(), FedAvg(), 3, rounds=2, learner=Spy())
    assert [(round, silo) for round, silo, _, _ in visits] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    for (_, _, _, left), (_, _, taken, _) in pairwise(visits):
        assert torch.equal(left, taken)
    assert torch.equal(done.states[0]["a/w"], visits[-1][3])
    assert torch.equal(done.states[1]["a/w"], visits[-2][3])
    assert set(records[0]["losses"]) == {"0", "1", "2"}
    assert done.memories[1]["rounds"] == 2  # trained once a round


def test_a_module_that_all_silos_keep_does_not_go_around():
    done, records = go(Cyclic(), FedAvg(), 3, learner=Drift(missing=dict.fromkeys(range(3), "b")))
    assert [r["bytes"] for r in records] == [3 * MESSAGE / 2] * 3
    assert torch.equal(done.states[0]["b/w"], done.states[2]["b/w"])  # as initialised


def test_a_model_that_some_silos_hold_in_part_cannot_go_around_as_a_whole():
    with pytest.raises(
        TrialError, match="round 0: one whole model goes from silo to silo, but silo 3 and the first one differ in b"
    ):
        go(Cyclic(), FedAvg(), 4, learner=Drift(missing={3: "b"}))


def test_theory_follows_a_plan_that_changes_from_round_to_round():
    _, records = go(Exponential(), Mean(), 4, rounds=3, learner=Drift())
    assert [r["theory"] for r in records] == pytest.approx([0.5**0.5, 1.0, 0.5**0.5])
    assert all(r["after"] <= r["theory"] * r["before"] * (1 + 1e-6) for r in records)


def test_a_silo_without_a_module_is_handed_it_over_the_whole_graph_after_a_round_that_splits_it():
    """Of 4 silos the second round joins only every other one."""
    done, _ = go(Exponential(), FedAvg(), 4, rounds=1, learner=Drift(missing={0: "b", 2: "b"}), lacks={0: {"x"}, 2: {"x"}})
    assert done.handover_messages == 2


@pytest.mark.parametrize("topology", [Ring(), Star(), Hierarchical(), Full(), Exponential(), Ring(relay=False)])
def test_fedadam_keeps_its_moments_at_every_node_that_merges(topology):
    done, _ = go(topology, FedAdam(), 5)
    (memories,) = done.merging.values()
    kept = {at for at, memory in memories.items() if memory}
    assert kept == ({-1} if isinstance(topology, (Star, Hierarchical)) else set(range(5)))
