"""A patient with NaN or infinity moves what leaves a silo no more than a patient who is not there, and only the silo counts them."""

import numpy as np
import pytest
import torch
from torch import nn

from fpmg_bench.privacy import Draws, Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges

N, ODD = 40, 7


def losses_of(module, batch):
    return module(batch["x"]).square().sum(1)


def hand_written():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 2))


def by_opacus():
    torch.manual_seed(0)
    return nn.Sequential(nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(6, 2))


def opened(value, width=5, draws=None):
    x = torch.randn(N, width, generator=torch.Generator().manual_seed(1))
    x[ODD] = value
    book = Ledger(0, "a", N, 1.0, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1.0), {"s": Charges(private_steps=1, moments=2, counts=2)})
    return LocalShard({"x": x}, np.arange(N), 1.0, "s", book, draws=draws).begin(3)


def stepped(module, value, draws=None):
    opened(value, draws=draws).step(module, torch.optim.SGD(module.parameters(), 1.0), losses_of)
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("make", [hand_written, by_opacus])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_a_step_leaves_them_out(make, value):
    draws, module = Draws(), make()
    found = stepped(module, value, draws)
    assert bool(found.isfinite().all())
    assert draws.stages["s"]["left_out"] == 1 and draws.stages["s"]["drawn"] == N
    nobody = make()
    x = opened(0.0)
    x._rows = {"x": torch.cat([x._rows["x"][:ODD], x._rows["x"][ODD + 1 :], x._rows["x"][ODD + 1 : ODD + 2]])}
    zero = lambda module, batch: losses_of(module, batch) * torch.tensor([1.0] * (N - 1) + [0.0])[: len(batch["x"])]  # noqa: E731
    x.step(nobody, torch.optim.SGD(nobody.parameters(), 1.0), zero)
    torch.testing.assert_close(found, torch.cat([p.detach().flatten() for p in nobody.parameters()]), atol=1e-5, rtol=1e-5)


def test_a_batch_of_nothing_else_is_noise():
    module = hand_written()
    book = Ledger(0, "a", 1, 1.0, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1.0), {"s": Charges(private_steps=1)})
    shard = LocalShard({"x": torch.full((1, 5), torch.nan)}, np.zeros(1, np.int64), 1.0, "s", book).begin(0)
    shard.step(module, torch.optim.SGD(module.parameters(), 1.0), losses_of)
    assert all(bool(p.isfinite().all()) for p in module.parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_moments_and_counts_leave_them_out(value):
    draws = Draws()
    odd, zero = opened(value, draws=draws), opened(0.0)
    for full in (True, False):
        one, other = (shard.moments(lambda batch: batch["x"], 3.0, full=full) for shard in (odd, zero))
        assert torch.equal(one.mean, other.mean) and torch.equal(one.second, other.second)
    assert torch.equal(*(shard.counts(lambda batch: batch["x"], 1.0) for shard in (odd, zero)))
    assert torch.equal(*(shard.counts(lambda batch: batch["x"].to_sparse(), 1.0) for shard in (odd, zero)))
    assert draws.stages["s"]["left_out"] == 4


def test_without_privacy_they_stay_visible():
    """Nothing is promised there, and a sum that hides a fault of the data helps nobody."""
    x = torch.ones(3, 2)
    x[1, 1] = torch.nan
    shard = LocalShard({"x": x}, np.arange(3), 0.5, "s").begin(0)
    assert bool(shard.moments(lambda batch: batch["x"], 1.0).mean.isnan().any())
