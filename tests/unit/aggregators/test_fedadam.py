"""FedAdam against algorithm 2 of Reddi et al. (2021), written out."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedadam import FedAdam


def by_hand(rounds, weights, x, lr, beta1, beta2, tau):
    m, v = np.zeros_like(x), np.full_like(x, tau**2)
    for models in rounds:
        delta = np.average(models, axis=0, weights=weights) - x
        m = beta1 * m + (1 - beta1) * delta
        v = beta2 * v + (1 - beta2) * delta**2
        x = x + lr * m / (np.sqrt(v) + tau)
    return x


@pytest.mark.parametrize("settings", [(0.01, 0.9, 0.99, 1e-3), (0.3, 0.0, 0.5, 0.1)])
def test_fedadam_over_rounds(settings):
    g = torch.Generator().manual_seed(0)
    start = torch.randn(5000, generator=g, dtype=torch.float64)
    rounds = [start + 0.1 * torch.randn(4, 5000, generator=g, dtype=torch.float64) for _ in range(6)]
    weights = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    model, memory = start, {}
    for models in rounds:
        model = FedAdam(*settings).merge(models, weights, model, None, memory)
    expected = by_hand([r.numpy() for r in rounds], weights.numpy(), start.numpy(), *settings)
    np.testing.assert_allclose(model.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert set(memory) == {"first", "second"}


def test_a_large_first_update_moves_every_coordinate_by_the_learning_rate():
    """(1 - beta1) / sqrt(1 - beta2) = 1 at the default moments."""
    moved = FedAdam(lr=0.02).merge(torch.tensor([[50.0, -80.0]]), torch.ones(1), torch.zeros(2), None, {})
    assert moved.tolist() == pytest.approx([0.02, -0.02], rel=1e-3)
