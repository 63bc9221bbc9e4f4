"""Centered clipping's fixed points, and clipping around the silo's own model."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.aggregators.self_centered_clipping import SelfCenteredClipping

EQUAL = torch.full((5,), 0.2, dtype=torch.float64)


def models(m=5, d=30, seed=0):
    return torch.randn(m, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_many_iterations_of_centered_clipping_end_where_the_clipped_steps_cancel(tau):
    """Its fixed point: sum_i w_i (u_i - z) min(1, tau / |u_i - z|) = 0."""
    x = models()
    z = CenteredClipping(tau=tau, iterations=3000).merge(x, EQUAL, torch.zeros(30).double(), None, {})
    away = x - z
    step = (EQUAL[:, None] * away * (tau / away.norm(dim=1, keepdim=True)).clamp(max=1)).sum(0)
    assert float(step.norm()) < 1e-6


def test_a_fixed_point_stays_over_rounds():
    x, memory = models(), {}
    rule, reference = CenteredClipping(tau=1.0, iterations=3000), torch.zeros(30).double()
    first = rule.merge(x, EQUAL, reference, None, memory)
    torch.testing.assert_close(rule.merge(x, EQUAL, reference, None, memory), first, atol=1e-6, rtol=1e-6)


def test_a_wide_radius_makes_centered_clipping_the_mean():
    x = models()
    merged = CenteredClipping(tau=1e6).merge(x, EQUAL, x[0], None, {})
    torch.testing.assert_close(merged, FedAvg().merge(x, EQUAL, x[0], None, {}))


def clipped_gossip(x, weights, own, tau):
    """He et al. (2022), equation 4: sum_j W_ij (x_i + clip(x_j - x_i, tau))."""
    merged = np.zeros(x.shape[1])
    for j, weight in enumerate(weights):
        away = x[j] - x[own]
        size = np.linalg.norm(away)
        merged += weight * (x[own] + away * (min(1.0, tau / size) if size else 1.0))
    return merged


@pytest.mark.parametrize("tau", [0.1, 7.0, 100.0, None])
def test_self_centered_clipping_equals_the_published_sum(tau):
    x, weights = models(), np.array([0.1, 0.3, 0.2, 0.15, 0.25])
    for own in range(5):
        others = sorted(float((x[j] - x[own]).norm()) for j in range(5) if j != own)
        expected = clipped_gossip(x.numpy(), weights, own, others[-2] if tau is None else tau)
        merged = SelfCenteredClipping(tau).merge(x, torch.as_tensor(weights), x[own] + 1, own, {})
        np.testing.assert_allclose(merged.numpy(), expected, atol=1e-12)


def test_a_liar_moves_a_silo_no_farther_than_its_weight_times_tau():
    x = models()
    without = SelfCenteredClipping(1.0).merge(x[:4], EQUAL[:4], x[0], 0, {})
    x[4] = 1e9
    moved = SelfCenteredClipping(1.0).merge(x, EQUAL, x[0], 0, {})
    assert float((moved - without).norm()) == pytest.approx(0.2, rel=1e-3)


def test_a_server_clips_around_its_reference():
    x, reference = models(), torch.zeros(30).double()
    merged = SelfCenteredClipping(1.0).merge(x, EQUAL, reference, None, {})
    expected = (EQUAL[:, None] * x / x.norm(dim=1, keepdim=True)).sum(0)
    torch.testing.assert_close(merged, expected)


def test_of_one_neighbour_all_is_taken_and_of_none_nothing():
    x = models(2)
    half = torch.full((2,), 0.5, dtype=torch.float64)
    torch.testing.assert_close(SelfCenteredClipping().merge(x, half, x[0], 1, {}), x.mean(0))
    torch.testing.assert_close(SelfCenteredClipping().merge(x[:1], torch.ones(1), x[1], 0, {}), x[0])
