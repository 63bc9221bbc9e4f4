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
    assert set(memory) == {"first", "second", "rounds"} and int(memory["rounds"]) == 6


@pytest.mark.parametrize("lr", [0.01, 0.3])
def test_corrected_it_is_adam_on_the_mean_gradient(lr):
    """What local plain steps of size 1 send is their gradient: the rule is then torch's Adam over all patients."""
    g = torch.Generator().manual_seed(0)
    model, memory, rule = torch.randn(300, generator=g, dtype=torch.float64), {}, FedAdam(lr, 0.9, 0.999, 1e-8, corrected=True)
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    whole = model.clone().requires_grad_()
    optimizer = torch.optim.Adam([whole], lr)
    for _ in range(8):
        gradients = torch.randn(3, 300, generator=g, dtype=torch.float64)
        whole.grad = weights @ gradients
        optimizer.step()
        model = rule.merge(model - gradients, weights, model, None, memory)
    torch.testing.assert_close(model, whole.detach(), rtol=1e-9, atol=1e-9)


def test_yogi_moves_the_second_moment_by_the_size_of_the_square_alone():
    """Zaheer et al. (2018): v <- v - (1 - b2) sign(v - g^2) g^2."""
    memory, rule = {}, FedAdam(0.1, 0.0, 0.9, 0.01, yogi=True)
    model = torch.zeros(2, dtype=torch.float64)
    rule.merge(torch.tensor([[3.0, 1e-3]], dtype=torch.float64), torch.ones(1), model, None, memory)
    tau = 0.01**2
    assert memory["second"].tolist() == pytest.approx([tau + 0.1 * 9.0, tau - 0.1 * 1e-6])


def test_a_large_first_update_moves_every_coordinate_by_the_learning_rate():
    """(1 - beta1) / sqrt(1 - beta2) = 1 at the default moments."""
    moved = FedAdam(lr=0.02).merge(torch.tensor([[50.0, -80.0]]), torch.ones(1), torch.zeros(2), None, {})
    assert moved.tolist() == pytest.approx([0.02, -0.02], rel=1e-3)
