import numpy as np
import pytest
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.hierarchical import Hierarchical
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring, fastest_weight
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation import mixing
from fpmg_bench.types import SERVER

TABLE = [  # FEDERATION.md: total messages of a round among n silos
    (Star(), lambda n: 2 * n),
    (Ring(), lambda n: n * (n - 1)),
    (Ring(relay=False), lambda n: n * min(2, n - 1)),
    (Ring(relay=False, hops=3), lambda n: n * min(6, n - 1)),
    (Ring(relay=False, hops=3, links="neighbours"), lambda n: n * min(6, n - 1)),
    (Ring(relay=False, mixing="optimal"), lambda n: n * min(2, n - 1)),
    (Ring(relay=False, one_way=True), lambda n: n * min(1, n - 1)),
    (Cyclic(), lambda n: n * min(1, n - 1)),
    (Full(), lambda n: n * (n - 1)),
    (Exponential(), lambda n: n * min(1, n - 1)),
    (Hierarchical(), lambda n: 2 * (n + min(2, n))),
    (Hierarchical(hubs=3), lambda n: 2 * (n + min(3, n))),
    (Isolated(), lambda n: 0),
]


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


@pytest.mark.parametrize(("topology", "messages"), TABLE)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 16])
def test_the_closed_form_counts_the_plan(topology, messages, n):
    plan = topology.plan(range(n), 0, None)
    assert topology.messages(n) == messages(n) == sum(len(step.transfers) for step in plan)


def matrix(topology, n, round=0):
    return mixing(topology.plan(range(n), round, None), dict.fromkeys(range(n), 1.0))


@pytest.mark.parametrize(
    ("n", "hops", "rate"),
    [(3, 1, 0.0), (4, 1, 0.3333), (8, 1, 0.7445), (16, 1, 0.9267), (8, 2, None), (16, 3, None), (7, 3, 0.0), (2, 1, 0.0)],
)
def test_the_optimal_constant_weight_contracts_at_the_rate_of_xiao_and_boyd(n, hops, rate):
    found = matrix(Ring(relay=False, hops=hops, mixing="optimal"), n)
    others = [matrix(Ring(relay=False, hops=hops), n).second_modulus]
    if rate is not None:
        assert found.second_modulus == pytest.approx(rate, abs=6e-5)
    assert found.second_modulus <= min(others) + 1e-9
    assert (found.matrix >= -1e-12).all()
    np.testing.assert_allclose(found.matrix.sum(axis=0), 1.0)


@pytest.mark.parametrize(("n", "offsets"), [(5, (1, 4)), (8, (1, 7)), (9, (1, 2, 7, 8)), (16, (1, 2, 3, 13, 14, 15))])
def test_no_other_constant_weight_contracts_faster(n, offsets):
    shifts = sum(np.roll(np.eye(n), d, axis=1) for d in offsets)

    def modulus(weight):
        values = np.linalg.eigvalsh((1 - weight * len(offsets)) * np.eye(n) + weight * shifts)
        return np.sort(abs(values))[-2]

    rivals = min(modulus(weight) for weight in np.linspace(0.001, 1 / len(offsets), 400))
    assert modulus(fastest_weight(n, offsets)) <= rivals + 1e-9


@pytest.mark.parametrize("n", [2, 4, 8, 16])
def test_the_exponential_graph_is_exact_after_log2_n_rounds(n):
    product = np.eye(n)
    for round in range(n.bit_length() - 1):
        product = matrix(Exponential(), n, round).matrix @ product
    np.testing.assert_allclose(product, 1 / n, atol=1e-12)


def test_the_exponential_graph_speaks_to_one_peer_each_round_twice_as_far_away():
    reach = [
        {(move.dst - move.src) % 7 for step in Exponential().plan(range(7), t, None) for move in step.transfers} for t in range(4)
    ]
    assert reach == [{1}, {2}, {4}, {1}]


@pytest.mark.parametrize("topology", [Full(), Hierarchical(), Hierarchical(hubs=3), Ring(), Star()])
def test_one_round_is_the_mean_weighted_by_patients(topology):
    sizes = {0: 10.0, 2: 20.0, 3: 30.0, 5: 40.0, 8: 100.0}
    found = mixing(topology.plan(list(sizes), 0, None), sizes)
    np.testing.assert_allclose(found.matrix, np.tile(np.array(list(sizes.values())) / 200, (5, 1)), atol=1e-12)


def test_every_hub_has_its_share_of_the_silos():
    up, _, _, down = Hierarchical(hubs=3).plan([1, 2, 4, 5, 6, 8, 9], 0, None)
    served = {hub: [move.src for move in up.transfers if move.dst == hub] for hub in (SERVER - 1, SERVER - 2, SERVER - 3)}
    assert served == {-2: [1, 2, 4], -3: [5, 6], -4: [8, 9]}
    assert {(move.dst, move.src) for move in up.transfers} == {(move.src, move.dst) for move in down.transfers}


def test_a_cyclic_model_is_trained_where_it_is_and_then_handed_on():
    steps = Cyclic().plan([1, 4, 6], 0, None)
    assert [step.train for step in steps] == [(1,), (4,), (6,)]
    assert [(move.src, move.dst) for step in steps for move in step.transfers] == [(1, 4), (4, 6), (6, 1)]
    (alone,) = Cyclic().plan([3], 0, None)
    assert (alone.train, alone.transfers) == ((3,), ())


def test_the_old_name_of_masks_works_and_says_so():
    with pytest.warns(FutureWarning, match="'secure' is now 'masked'"):
        old = Star(secure=True)
    assert old.masked and old.messages_masked(3) == 3 and old.plan([0, 1, 2], 0, None)[0].masked
