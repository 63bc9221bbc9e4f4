"""The geometric median against scipy's minimiser."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.geometric_median import GeometricMedian, weiszfeld
from fpmg_plugins.aggregators.span import distances_from, squared_distances
from scipy.optimize import minimize


def points(m, d, seed):
    return torch.randn(m, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cost(z, x, w):
    return float((w * np.linalg.norm(x - z, axis=1)).sum())


@pytest.mark.parametrize(("m", "d"), [(3, 2), (4, 2), (5, 3), (8, 4), (9, 30)])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_minimises_the_weighted_sum_of_distances(m, d, weighted):
    x = points(m, d, seed=m)
    w = (
        torch.rand(m, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.2
        if weighted
        else torch.ones(m).double()
    )
    w = w / w.sum()
    z = GeometricMedian(iterations=5000).merge(x, w, x[0], None, {}).numpy()
    best = minimize(cost, x.mean(0).numpy(), (x.numpy(), w.numpy()), tol=1e-12, options={"gtol": 1e-9})
    assert cost(z, x.numpy(), w.numpy()) <= best.fun * (1 + 1e-6)  # smoothing at a model itself
    np.testing.assert_allclose(z, best.x, atol=2e-4)


def test_the_default_iterations_are_within_a_millionth_of_the_least_cost():
    for seed in range(10):
        x, w = points(7, 50, seed), torch.full((7,), 1 / 7, dtype=torch.float64)
        short, long = (GeometricMedian(iterations=n).merge(x, w, x[0], None, {}).numpy() for n in (200, 20000))
        assert cost(short, x.numpy(), w.numpy()) <= (1 + 1e-6) * cost(long, x.numpy(), w.numpy())


def test_more_than_half_of_the_weight_decides_alone():
    x, w = points(3, 20, 0), torch.tensor([0.2, 0.6, 0.2], dtype=torch.float64)
    np.testing.assert_allclose(GeometricMedian().merge(x, w, x[0], None, {}).numpy(), x[1].numpy(), atol=1e-4)


def test_the_middle_of_an_equilateral_triangle():
    x = torch.eye(3, dtype=torch.float64)
    assert weiszfeld(squared_distances(x, x[0]), torch.ones(3).double()).tolist() == pytest.approx([1 / 3] * 3)


def test_distances_from_a_mean_need_only_the_distances_between_models():
    x, shares = points(6, 40, 2), torch.tensor([0.1, 0.2, 0.3, 0.0, 0.15, 0.25], dtype=torch.float64)
    exact = (x - shares @ x).norm(dim=1)
    np.testing.assert_allclose(distances_from(squared_distances(x, x[0]), shares).numpy(), exact.numpy(), rtol=1e-9)


def test_a_model_that_is_not_finite_is_left_out():
    x, w = points(4, 20, 3), torch.full((4,), 0.25, dtype=torch.float64)
    alone = GeometricMedian().merge(x[:3], w[:3] * 4 / 3, x[0], None, {})
    x[3] = float("nan")
    torch.testing.assert_close(GeometricMedian().merge(x, w, x[0], None, {}), alone, rtol=1e-6, atol=1e-6)
