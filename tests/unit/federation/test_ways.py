"""Modules that are not merged: averaged whatever the rule, or relayed as each silo sent them."""

import pytest
import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.coordinate_median import CoordinateMedian
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.hierarchical import Hierarchical
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import TrialError
from fpmg_bench.faults import Faults, ScheduledFault
from fpmg_bench.faults.kinds import KINDS
from fpmg_bench.federation.ways import why_not

from .toys import Drift, go

MESSAGE = 5 * 4  # one module of five float32
RELAY = Drift(travels={"b": "relay"})


@pytest.mark.parametrize(
    ("topology", "messages", "merged"), [(Ring(), 12, 12), (Full(), 12, 12), (Ring(relay=False, hops=2), 12, 12), (Star(), 16, 8)]
)
def test_a_relayed_module_reaches_every_silo_at_the_cost_of_its_closed_form(topology, messages, merged):
    done, records = go(topology, CoordinateMedian(), 4, learner=RELAY)
    assert [r["bytes"] for r in records] == [r["closed_form"] for r in records] == [(messages + merged) * MESSAGE] * 3
    for silo in range(4):
        heard = {key for key in done.memories[silo] if key.startswith("from.")}
        assert heard == {f"from.{other}.b/w" for other in range(4) if other != silo}
    for origin in range(4):
        copies = [done.memories[silo][f"from.{origin}.b/w"] for silo in range(4) if silo != origin]
        assert all(torch.equal(copy, copies[0]) for copy in copies)
    assert all(set(record["modules"]) == {"a"} for record in records)  # silos are meant to differ in the other
    assert records[0]["variance_ratio"] == pytest.approx(1.0)


def test_over_a_star_the_server_sends_what_it_costs_to_relay():
    _, records = go(Star(), FedAvg(), 4, learner=RELAY)
    assert records[0]["sent"] == {"-1": (4 + 12) * MESSAGE} | {str(silo): 2 * MESSAGE for silo in range(4)}


@pytest.mark.parametrize(
    ("topology", "reason"),
    [(Ring(relay=False), "each other silo's own"), (Exponential(), "each other silo's own"), (Isolated(), "each other silo's own"),
     (Hierarchical(), "hubs pass on means"), (Star(masked=True), "masks hide"), (Cyclic(), "one whole model goes from silo")],
)  # fmt: skip
def test_where_no_relay_is_the_round_is_refused(topology, reason):
    with pytest.raises(TrialError, match=reason):
        go(topology, FedAvg(), 4, learner=RELAY)


def test_averaged_modules_travel_over_all_that_merges():
    steps = {name: topology.plan(range(4), 0, None) for name, topology in (("ring", Ring(relay=False)), ("cyclic", Cyclic()))}
    assert why_not("mean", steps["ring"], range(4)) == why_not("merge", steps["cyclic"], range(4)) == ""
    assert "use a topology that merges" in why_not("mean", steps["cyclic"], range(4))


def test_a_rule_never_sees_what_is_averaged():
    start, _ = go(Ring(), FedAvg(), 3, rounds=0)
    done, _ = go(Ring(), CenteredClipping(tau=1e-9), 3, rounds=1, learner=Drift(travels={"b": "mean"}))
    plain, _ = go(Ring(), FedAvg(), 3, rounds=1)
    torch.testing.assert_close(done.states[0]["a/w"], start.states[0]["a/w"])
    torch.testing.assert_close(done.states[0]["b/w"], plain.states[0]["b/w"])


def test_what_a_crash_or_a_lost_message_keeps_back_stays_as_it_came_last():
    crash = Faults((ScheduledFault(KINDS["crash"](), "crash", (2,), 1, None, (2,), frozenset()),), seed=7)
    before, _ = go(Ring(), FedAvg(), 4, rounds=1, learner=RELAY)
    done, records = go(Ring(), FedAvg(), 4, rounds=3, learner=RELAY, faults=crash)
    assert torch.equal(done.memories[0]["from.2.b/w"], before.memories[0]["from.2.b/w"])
    assert not torch.equal(done.memories[0]["from.1.b/w"], before.memories[0]["from.1.b/w"])
    assert [r["bytes"] for r in records] == [24 * MESSAGE, 12 * MESSAGE, 12 * MESSAGE]
