"""Each shipped rule on each shipped topology: defined, or refused with the least that would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpmg_bench.registry import Registry
from fpmg_bench.spec import Budget, Choice, TrialSpec
from fpmg_bench.suite import CohortInfo, SiloInfo
from fpmg_bench.suite.refusals import fewest_inputs, refusals
from fpmg_bench.types import Column, Schema

REGISTRY = Registry.discover()
GOSSIP = {"relay": False}
LEAST = {  # models of a merge with one liar
    "fedavg": 1, "mean": 1, "coordinate-median": 3, "trimmed-mean": 3, "krum": 5, "multi-krum": 5, "bulyan": 7, "geometric-median": 1,
    "centered-clipping": 1, "self-centered-clipping": 1, "fedadam": 1, "fpmg-robust": 1,
}  # fmt: skip


def reasons(rule, topology, silos, lacking=(), lack=0.0, **params):
    schemas = {"labs": Schema("table", (), ()), "xray": Schema("image", (), ())}
    present = [{"labs": 100, "xray": 0 if i in lacking else 100} for i in range(silos)]
    sites = tuple(SiloInfo(f"s{i}", 100, 100, (50, 50), present[i]) for i in range(silos))
    n = 100 * silos
    info = CohortInfo(
        "toy", "", schemas, (Column("y", "flag"),), ("0", "1"), (n // 2, n // 2), n, n, {"labs": n, "xray": n}, sites
    )
    natural = {"kind": "natural"}
    partition = {"kind": "modality", "lack": lack, "of": natural} if lack else natural
    spec = TrialSpec(
        Choice("phantom"), "toy", "m", 0, partition, {"labs": Choice("pca"), "xray": Choice("cnn-ae")},
        Choice("parallel-cgan"), Choice(topology, params), rule if isinstance(rule, Choice) else Choice(rule), Budget(), (),
    )  # fmt: skip
    return [reason for reason in refusals(spec, info, REGISTRY) if "takes" not in reason]


def test_the_least_numbers_of_every_rule_are_known():
    shipped = {e.name for e in REGISTRY.entries("aggregator") if e.distribution == "fpmg-bench"}
    assert {name: REGISTRY.build("aggregator", Choice(name)).min_inputs() for name in shipped} == LEAST


@pytest.mark.parametrize(("rule", "least"), LEAST.items())
@pytest.mark.parametrize("topology", ["ring", "star", "full"])
def test_where_all_models_meet_a_rule_is_defined_from_its_least_number_of_silos_on(rule, least, topology):
    assert reasons(rule, topology, least) == []
    if least > 1:
        (said,) = reasons(rule, topology, least - 1)
        assert f"needs {least} models, a merge over '{topology}' of {least - 1} silos sees {least - 1}" in said
        assert f"use a cohort or partition with {least} silos" in said


@pytest.mark.parametrize(("rule", "least"), [(rule, least) for rule, least in LEAST.items() if least > 3])
def test_on_a_gossip_ring_the_smallest_number_of_hops_is_named(rule, least):
    (said,) = reasons(rule, "ring", 16, **GOSSIP)
    hops = (least - 1) // 2
    assert f"write topology: {{name: ring, relay: false, hops: {hops}}}" in said
    assert reasons(rule, "ring", 16, **GOSSIP, hops=hops) == []


@pytest.mark.parametrize(
    "rule", ["coordinate-median", "trimmed-mean", "geometric-median", "fpmg-robust", "self-centered-clipping"]
)
def test_three_neighbours_are_enough_for_the_others(rule):
    assert reasons(rule, "ring", 16, **GOSSIP) == []


def test_two_liars_need_more():
    two = Choice("bulyan", {"liars": 2})
    assert "write topology: {name: ring, relay: false, hops: 5}" in reasons(two, "ring", 16, **GOSSIP)[0]
    assert "needs 11 models" in reasons(two, "star", 10)[0]


def test_a_hierarchy_names_the_hubs_that_would_do():
    assert "write topology: {name: hierarchical, hubs: 5}" in reasons("krum", "hierarchical", 8)[0]
    assert reasons("krum", "hierarchical", 8, hubs=5) == []


def test_a_one_peer_graph_never_shows_three_models_so_other_topologies_are_named():
    (said,) = reasons("coordinate-median", "exponential", 8)
    assert "sees 2; use another topology (full, ring, star)" in said
    (said,) = reasons("krum", "exponential", 4)
    assert "use a cohort or partition with 5 silos and another topology (full, ring, star)" in said
    (said,) = reasons("krum", "ring", 8, relay=False, one_way=True)
    assert "use another topology (full, ring, star)" in said


@pytest.mark.parametrize("topology", ["cyclic", "isolated"])
def test_where_nothing_is_merged_every_rule_will_do(topology):
    assert reasons("bulyan", topology, 3) == []
    assert fewest_inputs(REGISTRY.build("topology", Choice(topology)), 5) is None


def test_a_whole_model_cannot_visit_a_silo_without_a_modality():
    (said,) = reasons("fedavg", "cyclic", 3, lacking=(1,))
    assert said.startswith(
        "over 'cyclic' one whole model goes from silo to silo, but silo 's1' has no patient with modality 'xray'"
    )
    assert reasons("fedavg", "ring", 3, lacking=(1,)) == []
    (said,) = reasons("fedavg", "cyclic", 3, lack=0.3)
    assert said.startswith(
        "over 'cyclic' one whole model goes from silo to silo, and a modality skew leaves silos without a modality"
    )
    assert reasons("fedavg", "ring", 3, lack=0.3) == []


@pytest.mark.parametrize("kind", ["aggregator", "topology"])
def test_every_shipped_one_is_in_the_docs(kind):
    text = (Path(__file__).parents[3] / "docs" / "federation.md").read_text(encoding="utf-8")
    shipped = {entry.name for entry in REGISTRY.entries(kind) if entry.distribution == "fpmg-bench"}
    assert not [name for name in shipped if f"`{name}`" not in text and f"`{name}:" not in text]


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [("krum", {"liars": -1}), ("multi-krum", {"keep": 0}), ("fedadam", {"beta1": 1.0}), ("self-centered-clipping", {"tau": 0.0}),
     ("geometric-median", {"smoothing": 0.0}), ("centered-clipping", {"iterations": 0})],
)  # fmt: skip
def test_parameters_out_of_bounds_are_refused_by_name(rule, wrong):
    (problem,) = REGISTRY.problems("aggregator", Choice(rule, wrong))
    assert problem.path == tuple(wrong)


def test_no_number_is_a_number_too():
    assert not REGISTRY.problems("aggregator", Choice("multi-krum", {"keep": None}))
    assert not REGISTRY.problems("aggregator", Choice("self-centered-clipping", {"tau": 2.5}))
