import math

import pytest
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.hierarchical import Hierarchical
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import PlumbingError
from fpmg_bench.federation import Schedule, check, mixing
from fpmg_bench.types import Step, Transfer

KNOWN = {3: 0.0, 4: 0.3333, 5: 0.5393, 6: 0.6667, 8: 0.8047, 10: 0.8727, 16: 0.9493}


@pytest.mark.parametrize(("n", "modulus"), KNOWN.items())
def test_gossip_ring_contracts_like_theory(n, modulus):
    equal = dict.fromkeys(range(n), 1.0)
    assert mixing(Ring(relay=False).plan(range(n), 0, None), equal).second_modulus == pytest.approx(modulus, abs=6e-5)
    rows = {r["check"]: r for r in check(Schedule(Ring(relay=False), "s", 0), equal)}
    measured = rows["consensus distance contracts by the second modulus"]
    assert measured["measured"] == pytest.approx(1 / 3 + 2 / 3 * math.cos(2 * math.pi / n), rel=0.01, abs=1e-5)


@pytest.mark.parametrize(
    "topology",
    [
        Ring(),
        Ring(merge="last"),
        Ring(relay=False),
        Ring(relay=False, hops=2),
        Ring(relay=False, one_way=True),
        Ring(relay=False, mixing="optimal"),
        Ring(relay=False, hops=2, mixing="optimal"),
        Ring(relay=False, hops=2, links="neighbours"),
        Star(),
        Full(),
        Exponential(),
        Hierarchical(),
        Hierarchical(hubs=5),
    ],
)
@pytest.mark.parametrize("n", [2, 3, 7])
def test_shipped_topologies_pass_every_check(topology, n):
    rows = check(Schedule(topology, "s", 0), {i: 10.0 * (i + 1) for i in range(n)})
    assert {row["status"] for row in rows} == {"ok"}
    assert len(rows) == 4


@pytest.mark.parametrize(("topology", "n"), [(Isolated(), 3), (Ring(), 1), (Cyclic(), 3)])
def test_nothing_to_check_is_said(topology, n):
    (row,) = check(Schedule(topology, "s", 0), dict.fromkeys(range(n), 1.0))
    assert row["status"] == "not_applicable"
    assert row["reason"]


@pytest.mark.parametrize("n", range(2, 17))
@pytest.mark.parametrize(
    "topology",
    [
        Ring(relay=False),
        Ring(relay=False, hops=2),
        Ring(relay=False, hops=3, links="neighbours"),
        Ring(relay=False, mixing="optimal"),
        Ring(relay=False, one_way=True),
        Exponential(),
    ],
)
def test_contraction_is_within_one_per_cent_of_theory(topology, n):
    rows = {row["check"]: row for row in check(Schedule(topology, "s", 0), dict.fromkeys(range(n), 1.0))}
    row = rows["consensus distance contracts by the second modulus"]
    assert row["measured"] == pytest.approx(row["expected"], rel=0.01, abs=1e-5)


def test_the_exponential_graph_of_seven_contracts_as_the_product_of_its_matrices():
    """Circulants share their eigenvectors: per round the cube root of the largest product of |1 + w^(k 2^t)| / 2 over t = 0, 1, 2."""
    theory = max(math.prod(abs(math.cos(math.pi * k * reach / 7)) for reach in (1, 2, 4)) for k in range(1, 7)) ** (1 / 3)
    rows = {row["check"]: row for row in check(Schedule(Exponential(), "s", 0), dict.fromkeys(range(7), 1.0))}
    assert rows["consensus distance contracts by the second modulus"]["measured"] == pytest.approx(theory, rel=0.01)


def test_size_weights_keep_the_size_weighted_mean():
    pi = mixing(Star().plan([0, 1], 0, None), {0: 10.0, 1: 30.0}).stationary
    assert pi[0] == pytest.approx(0.25)


def test_a_plan_that_is_another_one_when_it_is_asked_for_again_is_caught_before_training():
    """FLamby's Cyclic never passed weights on: messages that are lost from a later call on are named."""

    class Fickle(Star):
        calls = 0

        def plan(self, silos, round, rng):
            Fickle.calls += 1
            up, down = super().plan(silos, round, rng)
            return [up, down] if Fickle.calls < 12 else [Step(up.transfers[1:], on_arrival="merge"), down]

    with pytest.raises(PlumbingError, match="s, round 5: topology Fickle plans other transfers than it did before"):
        check(Schedule(Fickle(), "s", 0), {0: 1.0, 1: 1.0, 2: 1.0})


def test_rounds_that_keep_different_means_are_caught():
    class Turns:
        """By turns every silo listens to the first, or to the second."""

        def plan(self, silos, round, rng):
            leader = silos[round % 2]
            return [Step(tuple(Transfer(leader, silo, weight=0.2) for silo in silos if silo != leader))]

        def messages(self, silos):
            return silos - 1

    rows = {row["check"]: row["status"] for row in check(Schedule(Turns(), "s", 0), dict.fromkeys(range(5), 1.0))}
    assert rows["the stationary mean is kept"] == "failed"
    assert rows["canaries arrive exactly where the plan says"] == "ok"
