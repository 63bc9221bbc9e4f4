import math

import pytest
import torch
from fpmg_plugins import training
from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.flow.latent_flow import LatentFlow
from fpmg_plugins.generators.flow.velocity import Draws, Velocity, Whitener, losses, transport

from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Column, Representation, SiloContext, Space

SPACE = Space({"a": slice(0, 2), "b": slice(2, 3)}, (Column("label", "category", ("well", "ill")),))


def patients(n, present=None):
    """Two clusters far apart along (1, 1), which no Gaussian a class has; block b follows block a."""
    g = torch.Generator().manual_seed(0)
    side = torch.where(torch.rand(n, 1, generator=g) < 0.5, 1.0, -1.0)
    a = side * torch.ones(n, 2) + 0.2 * torch.randn(n, 2, generator=g)
    z = torch.cat([a, a.mean(1, keepdim=True) + 0.1 * torch.randn(n, 1, generator=g)], 1)
    present = torch.ones(n, 2, dtype=torch.bool) if present is None else present
    return Representation(z, present, torch.arange(n)[:, None].float() % 2, torch.arange(n), SPACE)


def learnt(rows, rounds, flow=None):
    flow = flow or LatentFlow(hidden=64)
    shard = LocalShard(rows, rows.patient.numpy(), 0.2, "stage2").begin(1)
    state = flow.init(
        SPACE, flow.statistics(SPACE, shard, SiloContext(0, -1, 1, rng_for(0, "t"), schema=SPACE)), rng_for(0, "init")
    )
    memory = {}
    for round in range(rounds):
        ctx = SiloContext(0, round, 50, rng_for(0, "t", round), memory=memory, schema=SPACE)
        state = state | flow.train(state, shard.begin(round), ctx).state
    return state


def drawn(state, n=3000):
    return LatentFlow(hidden=64).sample(SPACE, state, torch.arange(n)[:, None].float() % 2, rng_for(0, "s")).z


def between(z):
    """Share of records between the two clusters, where there are no patients."""
    return float((z[:, :2].mean(1).abs() < 0.4).float().mean())


def test_untrained_it_is_the_exchanged_gaussian():
    rows = patients(2000)
    made = drawn(learnt(rows, 0))
    torch.testing.assert_close(made.mean(0), rows.z.mean(0), atol=0.08, rtol=0)
    torch.testing.assert_close(torch.cov(made.T), torch.cov(rows.z.T), atol=0.08, rtol=0)
    assert between(made) > 0.25


def test_trained_it_has_the_gap_that_no_gaussian_has():
    rows = patients(600)
    made = drawn(learnt(rows, 12))
    assert between(rows.z) < 0.01
    assert between(made) < 0.06
    torch.testing.assert_close(torch.cov(made.T), torch.cov(rows.z.T), atol=0.2, rtol=0)


def test_of_gaussian_patients_the_loss_is_least_at_the_start():
    g = torch.Generator().manual_seed(0)
    white = Whitener(SPACE, torch.zeros(2, 3), torch.eye(3))
    label = torch.zeros(4000, 1)
    rows = white.rows(
        Representation(torch.randn(4000, 3, generator=g), torch.ones(4000, 2, dtype=torch.bool), label, label, SPACE)
    )
    net = training.seeded(lambda: Velocity(3, 2, 2, 8), rng_for(0, "n"))
    draws = Draws.new(8, 3, rng_for(0, "d"))
    found = losses(net, rows, draws, white).mean()
    slopes = torch.autograd.grad(found, net.last.bias)[0]
    assert float(found.detach()) == pytest.approx(1.0, abs=0.08)
    assert float(slopes.norm()) < 0.1


def test_what_is_absent_is_what_the_present_makes_likely_and_counts_in_no_loss():
    rows = patients(500, torch.tensor([[True, False]]).expand(500, -1))
    factor = torch.tensor([[1.0, 0.2, 0.3], [0.2, 1.0, 0.4], [0.3, 0.4, 0.9]])
    white = Whitener(SPACE, torch.zeros(2, 3), factor)
    seen = white.rows(rows)
    covariance = factor @ factor.T
    expected = rows.z[:, :2] @ torch.linalg.solve(covariance[:2, :2], covariance[:2, 2:])
    back = white.back(seen["u"], rows.condition)
    torch.testing.assert_close(back[:, :2], rows.z[:, :2], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(back[:, 2:], expected, atol=1e-4, rtol=1e-4)
    net = Velocity(3, 2, 2, 8)
    draws = Draws.fixed(3)
    off = net.last
    before = losses(net, seen, draws, Whitener(SPACE, torch.zeros(2, 3), torch.eye(3)))
    with torch.no_grad():
        off.bias[2] += 5.0  # only block b's velocity moves, where the factor is diagonal
    torch.testing.assert_close(losses(net, seen, draws, Whitener(SPACE, torch.zeros(2, 3), torch.eye(3))), before)


def test_the_path_from_noise_is_that_of_a_known_flow():
    class Shrink(Velocity):
        """The velocity of u ~ N(0, s^2): the patients' spread is s where the start's is 1."""

        def forward(self, x, angle, present, given):
            s = 0.3
            spread = (angle.cos() * s) ** 2 + angle.sin() ** 2
            return x * angle.cos() * angle.sin() * (1 - s**2) / spread

    noise = torch.randn(2000, 3, generator=rng_for(0, "n"))
    found = transport(Shrink(3, 2, 2, 4), noise, torch.zeros(2000, 2), 16)
    torch.testing.assert_close(found, 0.3 * noise, atol=0.01, rtol=0.02)


def test_a_record_has_its_own_draws_in_a_step_and_all_have_the_same_in_the_objective():
    new, fixed = Draws.new(4, 3, rng_for(0, "d")), Draws.fixed(3)
    noise, angle = new.of(torch.tensor([0, 1, 5]))
    assert noise.shape == (3, 4, 3) and len(torch.unique(noise.reshape(12, 3), dim=0)) == 12
    assert bool((angle > 0).all()) and bool((angle < math.pi / 2).all())
    assert torch.equal(new.of(torch.tensor([5]))[0][0], noise[2])
    same, _ = fixed.of(torch.tensor([0, 7]))
    assert torch.equal(same[0], same[1])


def test_a_conditions_width_is_what_the_network_is_told():
    assert Velocity(3, 2, conditions.width(SPACE), 8).first.in_features == 3 + 2 + 2 + 4
