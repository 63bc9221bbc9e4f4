import pytest
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star


def test_a_relay_ring_speaks_to_the_next_silo_only_and_every_weight_visits_every_silo_once():
    steps = Ring().plan([0, 2, 5, 7], 0, None)
    pairs = [(move.src, move.dst) for step in steps for move in step.transfers]
    assert set(pairs) == {(0, 2), (2, 5), (5, 7), (7, 0)}
    received = {(move.dst, move.origin) for step in steps for move in step.transfers}
    assert received == {(a, b) for a in (0, 2, 5, 7) for b in (0, 2, 5, 7) if a != b}
    assert len(steps) == 3


@pytest.mark.parametrize(("n", "hops", "degree"), [(2, 1, 1), (3, 1, 2), (5, 1, 2), (5, 2, 4), (4, 2, 3), (8, 3, 6)])
def test_gossip_sends_to_each_neighbour_once_with_metropolis_weights(n, hops, degree):
    (step,) = Ring(relay=False, hops=hops).plan(range(n), 0, None)
    assert len(step.transfers) == n * degree == len({(move.src, move.dst) for move in step.transfers})
    assert {move.weight for move in step.transfers} == {1 / (degree + 1)}


@pytest.mark.parametrize(
    "topology", [Ring(), Ring(relay=False), Ring(relay=False, hops=3), Ring(relay=False, one_way=True), Star(), Isolated()]
)
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_the_closed_form_counts_the_plan(topology, n):
    assert topology.messages(n) == sum(len(step.transfers) for step in topology.plan(range(n), 0, None))
