"""What the plans of a topology say of its graph: connectivity, contraction, rounds until silos agree, models of a merge."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.hierarchical import Hierarchical
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation.graph import connectivity, graph_of, rounds_to_consensus
from fpmg_bench.types import Step, Transfer

GOSSIP = Ring(relay=False)
MODULUS = {3: 0.0, 4: 0.3333, 5: 0.5393, 6: 0.6667, 8: 0.8047, 10: 0.8727, 16: 0.9493}
ROUNDS = {3: 1, 4: 7, 5: 12, 6: 18, 8: 32, 10: 51, 16: 133}


@pytest.mark.parametrize("n", MODULUS)
def test_a_gossip_ring_contracts_by_its_second_modulus(n):
    graph = graph_of(GOSSIP, n)
    assert graph.second_modulus == pytest.approx(MODULUS[n], abs=6e-5)
    assert graph.rounds == ROUNDS[n]
    assert graph.connectivity == 2


@pytest.mark.parametrize(
    ("topology", "n", "kappa"),
    [
        (GOSSIP, 2, 1),
        (Ring(relay=False, hops=2), 8, 4),
        (Ring(relay=False, hops=3), 12, 6),
        (Ring(relay=False, hops=4), 7, 6),  # more hops than there are others: full
        (Ring(relay=False, one_way=True), 6, 1),
        (Ring(), 6, 1),  # a relay runs one way round
        (Full(), 6, 5),
        (Star(), 6, 1),  # without the server nobody hears anybody
        (Hierarchical(hubs=3), 7, 1),
        (Exponential(), 8, 3),
        (Cyclic(), 5, 1),
        (Isolated(), 5, 0),
        (Star(), 1, 0),
    ],
)
def test_connectivity_has_known_answers(topology, n, kappa):
    assert graph_of(topology, n).connectivity == kappa


def test_connectivity_agrees_with_taking_nodes_away():
    rng = random.Random(0)
    for _ in range(40):
        n = rng.randint(2, 6)
        edges = [(a, b) for a in range(n) for b in range(n) if a != b and rng.random() < 0.6]
        edges += [(a, -1) for a in range(n) if rng.random() < 0.3] + [(-1, a) for a in range(n) if rng.random() < 0.3]
        assert connectivity(edges, n) == _by_hand(edges, n), edges


def _by_hand(edges, n):
    """The smallest set of nodes without which some silo that is left no longer reaches another."""
    nodes = {*range(n), *(node for edge in edges for node in edge)}
    for size in range(len(nodes)):
        for lost in combinations(nodes, size):
            left = [silo for silo in range(n) if silo not in lost]
            for src in left:
                reached, front = {src}, [src]
                while front:
                    at = front.pop()
                    ahead = {b for a, b in edges if a == at and b not in lost} - reached
                    reached |= ahead
                    front += ahead
                if not set(left) <= reached:
                    return size
    return n - 1


@pytest.mark.parametrize("topology", [Star(), Full(), Ring(), Hierarchical(hubs=2)])
def test_where_all_models_meet_one_round_is_enough(topology):
    graph = graph_of(topology, 6)
    assert (graph.second_modulus, graph.rounds, graph.period) == (0.0, 1, 1)


def test_the_exponential_graph_is_judged_by_the_product_of_its_rounds():
    eight, seven = graph_of(Exponential(), 8), graph_of(Exponential(), 7)
    assert (eight.period, eight.second_modulus, eight.rounds) == (3, 0.0, 3)
    theory = max(math.prod(abs(math.cos(math.pi * k * reach / 7)) for reach in (1, 2, 4)) for k in range(1, 7)) ** (1 / 3)
    assert seven.second_modulus == pytest.approx(theory)
    assert seven.rounds == 3 * math.ceil(math.log(1e-3) / math.log(theory) / 3)
    assert eight.edges == tuple(sorted((i, (i + reach) % 8) for i in range(8) for reach in (1, 2, 4)))


def test_nothing_mixes_where_models_are_trained_in_turn_or_stay():
    assert (graph_of(Cyclic(), 4).second_modulus, graph_of(Cyclic(), 4).rounds) == (None, None)
    alone = graph_of(Isolated(), 4)
    assert (alone.second_modulus, alone.rounds, alone.merging, alone.sees) == (1.0, None, "nowhere", None)
    assert rounds_to_consensus(1.0, 1) is None


def test_merges_stand_at_the_server_or_see_what_neighbours_send():
    assert [(g.merging, g.sees, g.relayed) for g in (graph_of(t, 7) for t in (Star(), GOSSIP, Ring(), Hierarchical(hubs=3)))] == [
        ("server", 7, False),
        ("silos", 3, False),
        ("silos", 7, True),
        ("server", 3, False),
    ]


class Fickle:
    """Another neighbour in every round."""

    def plan(self, silos, round, rng):
        n = len(silos)
        reach = 1 + round % (n - 1)
        return [Step(tuple(Transfer(silos[i], silos[(i + reach) % n], weight=0.5) for i in range(n)))]

    def messages(self, silos):
        return silos


def test_plans_that_never_repeat_within_sight_count_with_all_rounds_that_were_looked_at():
    graph = graph_of(Fickle(), 12)
    assert graph.period == 8
    assert len(graph.edges) == 12 * 8


def test_relays_pass_models_on_over_fewer_links_than_are_heard():
    near = graph_of(Ring(relay=False, hops=2, links="neighbours"), 8)
    assert (near.connectivity, near.hearing, near.sees, near.relayed) == (2, 4, 5, True)
    relay = graph_of(Ring(), 6)
    assert (relay.connectivity, relay.hearing) == (1, 5)
