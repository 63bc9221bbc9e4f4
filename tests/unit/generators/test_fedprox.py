"""FedProx (Li et al., 2020) as the learners' `proximal`: its fixed point in closed form, exact beside noised gradients, zero is nothing."""

import numpy as np
import pytest
import torch
from fpmg_plugins import training
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders.table.autoencoder import Autoencoder
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.topologies.star import Star
from torch import nn

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges, Column, Representation, SiloContext, Space, Update

PATIENTS, SLOPE, CENTRE = (30, 10), (1.0, 4.0), (0.0, 1.0)


def point():
    """One weight w, as a layer that per-example gradients know; it starts at 0."""
    return nn.utils.skip_init(nn.Linear, 1, 1, bias=False).apply(lambda layer: nn.init.zeros_(layer.weight))


def losses(layer, batch):
    """slope / 2 (w - centre)^2, one a row."""
    return batch["slope"] / 2 * (layer(torch.ones(len(batch["slope"]), 1))[:, 0] - batch["centre"]).square()


class Quadratic:
    """Silo i minimises slope_i / 2 (w - centre_i)^2."""

    rounds = None

    def __init__(self, mu):
        self.mu = mu

    def statistics(self, schema, shard, ctx):
        return {}

    def init(self, schema, stats, rng):
        return training.state_of(point(), "p")

    def train(self, state, shard, ctx):
        layer = training.restored(point, state, "p")
        optimizer = torch.optim.SGD(layer.parameters(), 0.9 / (SLOPE[ctx.silo] + self.mu))
        log = training.fit(layer, optimizer, shard, ctx, losses, training.proximal(layer, self.mu))
        return Update(training.state_of(layer, "p"), shard.patients, log)


def rows(silo, n):
    return {"centre": torch.full((n,), CENTRE[silo]), "slope": torch.full((n,), SLOPE[silo])}


@pytest.mark.parametrize("mu", [0.0, 1.0, 4.0])
def test_two_silos_meet_where_the_closed_form_says(mu):
    """Local optimum (slope c + mu w) / (slope + mu); mu 0: FedAvg's mean of optima, mu to infinity: the optimum of the sum."""
    shards = {i: LocalShard(rows(i, n), np.arange(n), 1.0, "s") for i, n in enumerate(PATIENTS)}
    plan = Plan("s", Star(), FedAvg(), 30, {0: SiloPlan(4), 1: SiloPlan(4)}, 0)
    found = run(Quadratic(mu), None, shards, plan, lambda record, now: None).states[0]["p/weight"]
    share = [n / sum(PATIENTS) * a / (a + mu) for n, a in zip(PATIENTS, SLOPE, strict=True)]
    assert float(found) == pytest.approx(sum(s * c for s, c in zip(share, CENTRE, strict=True)) / sum(share), abs=2e-4)


def test_under_privacy_the_pull_is_neither_clipped_nor_noised():
    """Same draw and noise, with and without it: the gradients differ by mu (w - reference) alone."""
    gradient = {}
    for mu in (0.0, 3.0):
        layer = point()
        pull = training.proximal(layer, mu)
        with torch.no_grad():
            layer.weight += 5.0
        ledger = Ledger(0, "a", 30, 0.5, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1e-3), {"s": Charges(private_steps=1)})
        shard = LocalShard(rows(0, 30), np.arange(30), 0.5, "s", ledger).begin(4)
        shard.step(layer, torch.optim.SGD(layer.parameters(), 0.0), losses, pull)
        gradient[mu] = float(layer.weight.grad)
    assert abs(gradient[0.0]) < 0.01
    assert gradient[3.0] - gradient[0.0] == pytest.approx(3.0 * 5.0, rel=1e-6)


SPACE = Space({"a": slice(0, 2), "b": slice(2, 3)}, (Column("label", "category", ("well", "ill")),))


def trained(**parameters):
    """Start, and how far each network of a GAN moved in a round of 10 steps; what stayed at home comes from the memory."""
    g = torch.Generator().manual_seed(0)
    label = (torch.rand(300, 1, generator=g) < 0.3).float()
    data = Representation(
        torch.randn(300, 3, generator=g) + label, torch.ones(300, 2, dtype=torch.bool), label, torch.arange(300), SPACE
    )
    shard = LocalShard(data, np.arange(300), 0.2, "stage2").begin(0)
    ctx = SiloContext(0, 0, 10, rng_for(0, "t"), schema=SPACE)
    gan = ParallelCgan(lipschitz="none", **parameters)
    start = gan.init(SPACE, gan.statistics(SPACE, shard, ctx), rng_for(0, "init"))
    after = gan.train(start, shard, ctx).state
    after = {k: after.get(k, ctx.memory.get(k)) for k in start if k.startswith(("generator", "discriminator"))}
    modules = {k.split("/")[0] for k in after}
    return {m: sum(float((v - start[k]).square().sum()) for k, v in after.items() if k.startswith(m)) ** 0.5 for m in modules}


def test_every_network_that_travels_stays_closer_and_one_at_home_is_free():
    free, pulled = trained(), trained(proximal=10.0)
    assert free.keys() == {"generator.a", "generator.b", "discriminator.a+b"}
    assert all(pulled[name] < 0.7 * free[name] for name in free), (free, pulled)
    at_home = trained(proximal=10.0, send="generator")
    assert at_home["discriminator.a+b"] > 0.8 * free["discriminator.a+b"]


def test_a_trained_encoder_stays_closer_too():
    cohort = Phantom(patients=80, silos=2).load()
    shard = LocalShard(cohort.data["table"], np.arange(80), 0.3, "s")
    moved = {}
    for mu in (0.0, 10.0):
        encoder, schema = Autoencoder(dim=4, hidden=16, proximal=mu), cohort.schemas["table"]
        ctx = SiloContext(0, 0, 10, rng_for(0, "t"), schema=schema)
        start = encoder.init(schema, encoder.statistics(schema, shard.begin(0), ctx), rng_for(0, "init"))
        after = encoder.train(start, shard.begin(1), ctx).state
        moved[mu] = sum(float((value - start[key]).square().sum()) for key, value in after.items()) ** 0.5
    assert moved[10.0] < 0.7 * moved[0.0]
