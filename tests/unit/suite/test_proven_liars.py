"""What a rule is proven for on a graph, and the fewest hops or hubs for a wanted number of liars."""

from __future__ import annotations

import pytest

from fpmg_bench.cli.planned.graphs import picture, proven_for
from fpmg_bench.federation.graph import graph_of
from fpmg_bench.planning.robustness import robustness
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice

GOSSIP = {"relay": False}


@pytest.fixture(scope="module")
def shipped() -> Registry:
    return Registry.discover()


@pytest.fixture
def judged(shipped):
    """judged(topology, silos, rule, liars): what is said of that rule."""

    def judge(topology: Choice, silos: int, rule: str, liars: int = 1, **params):
        graph = graph_of(shipped.build("topology", topology), silos)
        return robustness(topology, graph, Choice(rule, params), liars, shipped)

    return judge


@pytest.mark.parametrize(
    ("rule", "one", "two"),
    [
        ("coordinate-median", 2, 3),
        ("trimmed-mean", 2, 3),
        ("fpmg-robust", 2, 3),
        ("krum", 2, 3),
        ("multi-krum", 2, 3),
        ("bulyan", 3, 5),
    ],
)
def test_the_least_hops_for_one_and_two_liars(judged, rule, one, two):
    """2k + 1 models for the rule, and connectivity 2k of at least 2f + 1."""
    ring = Choice("ring", GOSSIP)
    assert judged(ring, 13, rule, 1).wanted == f"hops: {one}"
    assert judged(ring, 13, rule, 2).wanted == f"hops: {two}"


def test_a_plain_ring_is_measured_only(judged):
    ring = Choice("ring", GOSSIP)
    assert {
        rule: proven_for(judged(ring, 8, rule)) for rule in ("coordinate-median", "krum", "fedavg", "self-centered-clipping")
    } == {
        "coordinate-median": "measured only",
        "krum": "undefined",
        "fedavg": "none",
        "self-centered-clipping": "measured only",
    }
    assert proven_for(judged(Choice("ring", GOSSIP | {"hops": 2}), 8, "krum")) == "1 liar"
    assert proven_for(judged(Choice("ring", GOSSIP | {"hops": 3}), 9, "coordinate-median")) == "2 liars"


def test_what_sees_every_model_withstands_what_the_rule_does_and_says_on_what_terms(judged):
    relay, star, full = (
        judged(Choice("ring"), 7, "krum", liars=2),
        judged(Choice("star"), 7, "krum"),
        judged(Choice("full"), 7, "krum"),
    )
    assert (relay.liars, relay.on) == (1, "nobody changes what it relays")
    assert (relay.wanted, star.wanted) == ("as it is", "as it is")  # told of two liars, seven models are enough
    assert (star.on, full.on) == ("an honest server", "")
    assert judged(Choice("star"), 7, "coordinate-median").liars == 3
    assert judged(Choice("star"), 7, "trimmed-mean").liars == 1  # it leaves out one at each end, however many there are


def test_hubs_are_what_a_hierarchy_can_have_more_of(judged):
    two = judged(Choice("hierarchical"), 9, "coordinate-median")
    assert (proven_for(two), two.wanted) == ("undefined", "hubs: 3")
    three = judged(Choice("hierarchical", {"hubs": 3}), 9, "coordinate-median")
    assert (three.liars, three.on) == (1, "honest server and hubs; a liar spoils its hub")


def test_too_few_silos_are_enough_for_nobody(judged):
    assert judged(Choice("ring", GOSSIP), 4, "krum").wanted == ""
    assert judged(Choice("exponential"), 8, "coordinate-median").wanted == ""


def test_the_picture_of_five_silos(shipped):
    drawn = {name: list(picture(graph_of(shipped.build("topology", choice), 5))) for name, choice in {
        "ring": Choice("ring", GOSSIP), "star": Choice("star"),
    }.items()}  # fmt: skip
    assert drawn["ring"] == [
        "  0 1 2 3 4",
        "0 . x . . x",
        "1 x . x . .",
        "2 . x . x .",
        "3 . . x . x",
        "4 x . . x .",
    ]
    assert drawn["star"] == ["  0 1 2 3 4 s", *(f"{silo} . . . . . x" for silo in range(5)), "s x x x x x ."]
    assert not list(picture(graph_of(shipped.build("topology", Choice("star")), 30)))
