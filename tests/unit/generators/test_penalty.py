"""What keeps a discriminator smooth: the slope at real records where nobody asks for privacy, a spectral bound where somebody does."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedadam import FedAdam
from fpmg_plugins.generators.gan.adversarial_round import AdversarialRound, Seen, match_rows, spread
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Column, Representation, SiloContext, Space

SPACE = Space({"a": slice(0, 2), "b": slice(2, 3)}, (Column("label", "category", ("well", "ill")),))
GROUP = ("a", "b")


def patients(n=200, seed=0):
    g = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 3, generator=g) * torch.tensor([1.0, 5.0, 0.2])
    return Representation(z, torch.ones(n, 2, dtype=torch.bool), torch.arange(n)[:, None].float() % 2, torch.arange(n), SPACE)


def begun(gan, rows):
    shard = LocalShard(rows, np.arange(len(rows)), 0.3, "stage2").begin(0)
    ctx = SiloContext(0, -1, 1, rng_for(0, "t"), schema=SPACE)
    return gan.init(SPACE, gan.statistics(SPACE, shard, ctx), rng_for(0, "init")), ctx


class Plane(torch.nn.Module):
    """A discriminator whose value is w z, so that its slope is w everywhere."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))

    def forward(self, z, mask, condition):
        return z @ self.w, torch.zeros(len(z), 2)


def test_the_penalty_of_a_plane_is_half_its_squared_slope_in_units_of_the_columns_spread():
    rows = patients()
    gan = ParallelCgan(classify=0.0)
    state, _ = begun(gan, rows)
    seen, batch = Seen.of(gan, SPACE, GROUP, state), match_rows(rows)
    weights = torch.ones(len(rows))
    plain, with_it = seen.losses(Plane(), batch), seen.penalised(Plane(), batch, weights, 4.0)
    torch.testing.assert_close(with_it - plain, torch.full((200,), 4.0 / 2 * (1 + 4 + 0.25)))
    torch.testing.assert_close(plain, torch.relu(1 - (rows.z / spread(state)) @ Plane().w))


def test_columns_are_seen_in_units_of_their_spread():
    rows = patients(4000)
    state, _ = begun(ParallelCgan(), rows)
    torch.testing.assert_close(spread(state), torch.tensor([1.0, 5.0, 0.2]), atol=0.0, rtol=0.05)


@pytest.mark.parametrize(("asked", "private", "found"), [("r1", False, "r1"), ("r1", True, "rescale"), ("none", True, "none")])
def test_under_privacy_a_spectral_bound_takes_the_penaltys_place(asked, private, found):
    gan = ParallelCgan(hidden=8, lipschitz=asked)
    state, ctx = begun(gan, patients())
    assert AdversarialRound(gan, GROUP, state, ctx, private=private).game == found


def test_with_plain_steps_gradients_travel_and_one_optimiser_moves_what_is_released():
    gan = ParallelCgan(hidden=8, optimizer="sgd", lr=1e-2)
    shards = {s: LocalShard(patients(seed=s), np.arange(200), 0.3, "stage2") for s in range(2)}
    rule = FedAdam(lr=1e-3, beta1=0.0, beta2=0.99, adaptivity=1e-8, corrected=True)
    plan = Plan("stage2", Star(), rule, 3, {s: SiloPlan(1) for s in shards}, 0)
    begun_at = run(gan, SPACE, shards, Plan("stage2", Star(), rule, 0, plan.silos, 0), lambda record, now: None).states[0]
    now = run(gan, SPACE, shards, plan, lambda record, now: None)
    moved = {key for key, value in now.states[0].items() if not torch.equal(value, begun_at[key])}
    assert all(torch.equal(now.states[0][key], now.states[1][key]) for key in now.states[0])
    assert not [key for key in now.states[0] if key.startswith("ema.")]
    assert {key.partition("/")[0] for key in moved} == {"generator.a", "generator.b", "discriminator.a+b"}
    assert not [key for memory in now.memories.values() for key in memory if ".adam/" in key]
    far = max(float((now.states[0][key] - begun_at[key]).abs().max()) for key in moved)
    assert far <= 3 * 1e-3 * 1.5  # Adam's steps of lr a coordinate, with beta1 0 a little over at first
    label = torch.arange(50)[:, None].float() % 2
    assert torch.isfinite(gan.sample(SPACE, now.states[0], label, rng_for(0, "s")).z).all()
