"""Steps that follow one another, and the largest load in each: per round, and of statistics, keys and hand-overs."""

from __future__ import annotations

import pytest
import torch
from fpmg_plugins.aggregators.coordinate_median import CoordinateMedian
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.aggregators.self_centered_clipping import SelfCenteredClipping
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.hierarchical import Hierarchical
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation import handover_path, mixing

from .toys import Drift, go

MESSAGE = 2 * 5 * 4  # two modules of five float32
STATISTICS, KEY = 8, 32
ROUNDS = [  # of 5 silos, in messages of the busiest node
    (Ring(), [1, 1, 1, 1]),
    (Ring(relay=False), [2]),
    (Ring(relay=False, hops=2), [4]),
    (Ring(relay=False, hops=2, links="neighbours"), [2, 2]),
    (Ring(relay=False, one_way=True), [1]),
    (Star(), [5, 5]),
    (Star(masked=True), [10, 5]),
    (Hierarchical(), [3, 2, 2, 3]),
    (Full(), [4]),
    (Exponential(), [1]),
    (Cyclic(), [1, 1, 1, 1, 1]),
    (Isolated(), []),
]


@pytest.mark.parametrize(("topology", "loads"), ROUNDS)
def test_a_round_has_the_plans_steps_and_its_busiest_nodes_bytes(topology, loads):
    _, records = go(topology, FedAvg(), 5, rounds=2)
    assert [record["path"] for record in records] == [[MESSAGE * load for load in loads]] * 2


@pytest.mark.parametrize(
    ("topology", "path"),
    [
        (Ring(sums="plain"), [STATISTICS] * 4),
        (Ring(relay=False, sums="plain"), [2 * STATISTICS] * 2),
        (Star(sums="plain"), [5 * STATISTICS] * 2),
        (Full(sums="plain"), [4 * STATISTICS]),
        (Isolated(), []),
        (Ring(), [STATISTICS] * 8 + [KEY] * 4),
        (Ring(relay=False), [2 * STATISTICS if wave in (1, 2) else STATISTICS for wave in range(4)] + [2 * KEY] * 2),
        (Star(), [5 * STATISTICS] * 2 + [5 * KEY, 5 * 4 * KEY]),
        (Star(masked=True), [5 * STATISTICS] * 2 + [5 * KEY, 5 * 4 * KEY]),
        (Full(), [4 * STATISTICS] * 2 + [4 * KEY]),
    ],
)
def test_statistics_and_keys_have_hops_of_their_own(topology, path):
    done, _ = go(topology, FedAvg(), 5, rounds=1)
    assert done.path == path


@pytest.mark.parametrize(("topology", "loads"), [(Ring(), [1, 1]), (Star(), [2]), (Ring(relay=False), [1]), (Isolated(), [])])
def test_a_hand_over_goes_from_silo_to_silo_or_out_of_the_server(topology, loads):
    learner = Drift(missing={1: "b", 2: "b"})
    before, _ = go(topology, FedAvg(), 4, rounds=1, learner=learner)
    done, _ = go(topology, FedAvg(), 4, rounds=1, learner=learner, lacks={1: {"x"}, 2: {"x"}})
    assert done.path[len(before.path) :] == [5 * 4 * load for load in loads]


@pytest.mark.parametrize("topology", [Ring(), Star(), Ring(relay=False), Exponential(), Full(), Hierarchical(), Cyclic()])
def test_a_hand_over_has_one_message_for_each_silo_however_few_hold_the_modules(topology):
    steps = topology.plan(range(6), 0, None)
    for given in ({5}, {2, 3}, {0, 2, 4}, {1, 2, 3, 4, 5}):
        loads = handover_path(steps, given, 7)
        assert sum(sum(load.received.values()) for load in loads) == 7 * len(given)


def test_groups_of_modules_travel_side_by_side():
    """All five silos hold one module, four of them the other: 4 and 3 steps, of which 3 are shared."""
    _, records = go(Ring(), FedAvg(), 5, rounds=1, learner=Drift(missing={3: "b"}))
    assert records[0]["path"] == [MESSAGE, MESSAGE, MESSAGE, MESSAGE // 2]


@pytest.mark.parametrize("rule", [FedAvg(), CoordinateMedian(), SelfCenteredClipping(tau=0.5)])
@pytest.mark.parametrize(("n", "k"), [(2, 1), (4, 2), (5, 1), (5, 3), (7, 2), (8, 3)])
def test_gossip_over_neighbours_sockets_ends_with_the_bits_of_direct_links(rule, n, k):
    direct, one = go(Ring(relay=False, hops=k), rule, n)
    handed, steps = go(Ring(relay=False, hops=k, links="neighbours"), rule, n)
    for silo in range(n):
        assert all(torch.equal(direct.states[silo][key], value) for key, value in handed.states[silo].items())
    assert [r["bytes"] for r in one] == [r["bytes"] for r in steps] == [n * min(2 * k, n - 1) * MESSAGE] * 3
    assert len(steps[0]["path"]) == min(k, n // 2)


@pytest.mark.parametrize("optimal", ["metropolis", "optimal"])
@pytest.mark.parametrize(("n", "k"), [(2, 1), (3, 1), (6, 3), (7, 2), (16, 4)])
def test_gossip_over_neighbours_sockets_mixes_like_direct_links_over_two_links_a_silo(n, k, optimal):
    near = Ring(relay=False, hops=k, links="neighbours", mixing=optimal).plan(range(n), 0, None)
    far = Ring(relay=False, hops=k, mixing=optimal).plan(range(n), 0, None)
    masses = {silo: 10.0 + silo for silo in range(n)}
    assert mixing(near, masses).matrix == pytest.approx(mixing(far, masses).matrix, abs=1e-12)
    assert {(m.dst - m.src) % n for step in near for m in step.transfers} <= {1, n - 1}
