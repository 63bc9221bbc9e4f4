"""SCAFFOLD: many local steps a round, and still the optimum of all patients."""

import numpy as np
import pytest
import torch
from fpmg_plugins import training, variates
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.generators.flow.latent_flow import NET, LatentFlow
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star
from torch import nn

from fpmg_bench.errors import TrialError
from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges, Column, Representation, SiloContext, Space, Update

PATIENTS, SLOPE, CENTRE, LR, STEPS = (30, 10, 20, 20), (1.0, 4.0, 1.0, 0.5), (0.0, 3.0, -2.0, -1.0), 0.1, 4


def point():
    """One weight w, as a layer that per-example gradients know; it starts at 0."""
    return nn.utils.skip_init(nn.Linear, 1, 1, bias=False).apply(lambda layer: nn.init.zeros_(layer.weight))


def losses(layer, batch):
    """slope / 2 (w - centre)^2, one a row."""
    return batch["slope"] / 2 * (layer(torch.ones(len(batch["slope"]), 1))[:, 0] - batch["centre"]).square()


class Quadratic:
    """Silo i minimises slope_i / 2 (w - centre_i)^2."""

    rounds = None

    def __init__(self, scaffold, adam=False):
        self.scaffold, self.adam = scaffold, adam
        self.travels = {variates.KIND: "mean"} if scaffold else {}

    def statistics(self, schema, shard, ctx):
        return {}

    def init(self, schema, stats, rng):
        return training.state_of(point(), "p") | (variates.zeros({"p": point()}) if self.scaffold else {})

    def train(self, state, shard, ctx):
        layer = training.restored(point, state, "p")
        steps = training.adam({"p": layer}, LR, ctx.memory) if self.adam else torch.optim.SGD(layer.parameters(), LR)
        corrected = variates.Corrected(steps, {"p": layer}, state, ctx.memory) if self.scaffold else None
        log = training.fit(layer, corrected or steps, shard, ctx, losses)
        return Update(training.state_of(layer, "p") | (corrected.told(ctx.memory) if corrected else {}), shard.patients, log)


def rows(silo, n):
    return {"centre": torch.full((n,), CENTRE[silo]), "slope": torch.full((n,), SLOPE[silo])}


def trained(learner, rounds, topology, sizes=PATIENTS, aggregator=None, records=None):
    shards = {i: LocalShard(rows(i, n), np.arange(n), 1.0, "s") for i, n in enumerate(sizes)}
    plan = Plan("s", topology, aggregator or FedAvg(), rounds, {i: SiloPlan(STEPS) for i in shards}, 0)
    return run(learner, None, shards, plan, lambda record, now: None if records is None else records.append(record))


def meeting(weights):
    """Where weights times (w - centre) sum to 0."""
    return sum(w * c for w, c in zip(weights, CENTRE, strict=True)) / sum(weights)


POOLED = meeting([n * a for n, a in zip(PATIENTS, SLOPE, strict=True)])
DRIFTED = meeting(
    [n * (1 - (1 - LR * a) ** STEPS) for n, a in zip(PATIENTS, SLOPE, strict=True)]
)  # y_i = c_i + (1 - lr a_i)^K (x - c_i)


@pytest.mark.parametrize("topology", [Ring(), Star(masked=True)])
def test_silos_that_differ_meet_at_the_optimum_of_all_patients_where_fedavg_does_not(topology):
    found = [float(trained(Quadratic(way), 18, topology).states[0]["p/weight"]) for way in (False, True)]
    assert found[0] == pytest.approx(DRIFTED, abs=1e-4)
    assert found[1] == pytest.approx(POOLED, abs=1e-4)
    assert abs(DRIFTED - POOLED) > 0.1


def test_between_neighbours_it_tracks_the_gradient_of_all():
    """On a gossip ring weights of all silos meet at the optimum of equal silos; without it they stay apart."""
    optimum = meeting(SLOPE)
    for scaffold, near in ((True, True), (False, False)):
        states = trained(Quadratic(scaffold), 30, Ring(relay=False), (20,) * 4).states
        assert (max(abs(float(state["p/weight"]) - optimum) for state in states.values()) < 5e-3) is near


def test_a_rule_that_clips_leaves_variates_alone():
    """Their mean stays the mean of the silos' own, by patients."""
    done = trained(Quadratic(True), 3, Ring(), aggregator=CenteredClipping(tau=1e-3))
    own = sum(n * done.memories[i]["own.variate.p/weight"] for i, n in enumerate(PATIENTS)) / sum(PATIENTS)
    torch.testing.assert_close(done.states[0]["variate.p/weight"], own)


def test_a_variate_is_the_papers_second_option_and_doubles_the_bytes():
    records = []
    once = trained(Quadratic(True), 1, Star(), records=records)
    assert [r["bytes"] for r in records] == [r["closed_form"] for r in records] == [2 * len(PATIENTS) * 2 * 4]
    state, layer = once.states[0], training.restored(point, once.states[0], "p")
    corrected = variates.Corrected(torch.optim.SGD(layer.parameters(), LR), {"p": layer}, state, memory := dict(once.memories[1]))
    before, own, common = layer.weight.item(), memory["own.variate.p/weight"].item(), state["variate.p/weight"].item()
    ctx = SiloContext(1, 1, STEPS, rng_for(0, "t"), memory=memory)
    training.fit(layer, corrected, LocalShard(rows(1, 10), np.arange(10), 1.0, "s").begin(0), ctx, losses)
    corrected.told(memory)
    expected = own - common + (before - layer.weight.item()) / (STEPS * LR)
    assert memory["own.variate.p/weight"].item() == pytest.approx(expected, rel=1e-4)


def test_one_model_that_goes_round_is_refused():
    with pytest.raises(TrialError, match="use a topology that merges"):
        trained(Quadratic(True), 1, Cyclic())


SPACE = Space({"a": slice(0, 3)}, (Column("label", "category", ("well", "ill")),))


def test_the_flow_sends_variates_of_noised_gradients_and_no_access_is_added():
    data = Representation(torch.randn(50, 3), torch.ones(50, 1, dtype=torch.bool), torch.zeros(50, 1), torch.arange(50), SPACE)
    spent = {}
    for scaffold in (False, True):
        planned = {"stage2": Charges(private_steps=4, counts=1)}
        ledgers = {i: Ledger(i, str(i), 50, 0.2, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1.0), planned) for i in (0, 1)}
        shards = {i: LocalShard(data, np.arange(50), 0.2, "stage2", ledgers[i]) for i in (0, 1)}
        plan = Plan("stage2", Ring(), FedAvg(), 2, {i: SiloPlan(2) for i in shards}, 0)
        flow = LatentFlow(hidden=8, depth=1, scaffold=scaffold)
        done = run(flow, SPACE, shards, plan, lambda *_: None)
        spent[scaffold] = ledgers[0].spent
        moved = [key for key, value in done.states[0].items() if key.startswith("variate") and bool(value.any())]
        assert bool(moved) is scaffold
        assert (f"own.variate.{NET}" in {key.partition("/")[0] for key in done.memories[0]}) is scaffold
    assert spent[False] == spent[True]
