import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.coordinate_median import CoordinateMedian
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.aggregators.span import combine, cuts, gram

EQUAL = torch.full((5,), 0.2, dtype=torch.float64)

LENGTH = 2 * next(cuts(3, 10**6)).stop + 7  # whole passes and a rest


def models(m=5, d=40, spread=1.0):
    g = torch.Generator().manual_seed(3)
    return torch.randn(d, generator=g) + spread * torch.randn(m, d, generator=g)


def test_fedavg_is_the_weighted_mean():
    x, w = models(), torch.tensor([0.1, 0.2, 0.3, 0.2, 0.2], dtype=torch.float64)
    expected = np.average(x.double().numpy(), axis=0, weights=w.numpy())
    np.testing.assert_allclose(FedAvg().merge(x, w, x[0], None, {}).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("m", [3, 4, 5, 6])
def test_coordinate_median_equals_numpy_for_odd_and_even_inputs(m):
    x = models(m)
    merged = CoordinateMedian().merge(x, torch.full((m,), 1 / m), x[0], None, {})
    np.testing.assert_allclose(merged.numpy(), np.median(x.numpy(), axis=0), atol=1e-6)


def test_coordinate_median_needs_two_honest_models_a_liar():
    assert [CoordinateMedian(liars=f).min_inputs() for f in (1, 2)] == [3, 5]


def test_gram_keeps_distances_of_models_that_are_close_relative_to_their_norm():
    """float32 |x|^2 + |y|^2 - 2xy is off by thousands of percent at this spread."""
    g = torch.Generator().manual_seed(0)
    base = 0.05 * torch.randn(LENGTH, generator=g)
    x = base + 1e-6 * torch.randn(3, LENGTH, generator=g)
    products = gram(x, base)
    exact = (x[0].double() - x[1].double()).square().sum()
    found = products[0, 0] + products[1, 1] - 2 * products[0, 1]
    assert float(found) == pytest.approx(float(exact), rel=1e-9)


def test_combine_is_a_step_from_the_reference():
    x = models()
    np.testing.assert_allclose(combine(x, EQUAL, x[2]).numpy(), x.double().mean(0).numpy(), atol=1e-6)


def reference_clipping(updates, start, tau, iterations):
    """Karimireddy et al. (2021), equation by equation."""
    z = start.copy()
    for _ in range(iterations):
        steps = [(u - z) * min(1.0, tau / np.linalg.norm(u - z)) for u in updates]
        z = z + np.mean(steps, axis=0)
    return z


def test_centered_clipping_equals_the_published_iteration_with_its_memory():
    rule, memory, center = CenteredClipping(tau=3.0, iterations=3), {}, np.zeros(40)
    reference = torch.zeros(40)
    for round in range(3):
        x = models(spread=1.0 + round)
        updates = (x - reference).double().numpy()
        center = reference_clipping(updates, center, 3.0, 3)
        merged = rule.merge(x, EQUAL, reference, None, memory)
        np.testing.assert_allclose(merged.numpy(), reference.numpy() + center, atol=2e-5)
        reference = merged


def test_one_liar_hardly_moves_centered_clipping_but_ruins_the_mean():
    x = models(spread=0.1)
    honest = x[:4].mean(0)
    x[4] = 1000.0
    clipped = CenteredClipping().merge(x, EQUAL, honest + 0.1, None, {})
    assert float((clipped - honest).norm()) < 3.0
    assert float((FedAvg().merge(x, EQUAL, honest, None, {}) - honest).norm()) > 1000.0


def test_centered_clipping_of_identical_models_is_that_model():
    x = models()[:1].repeat(5, 1)
    torch.testing.assert_close(CenteredClipping().merge(x, EQUAL, torch.zeros(40), None, {}), x[0], atol=1e-5, rtol=1e-5)
