"""Class means and variances from one noised access: right with little noise, harmless with much."""

import numpy as np
import pytest
import torch
from fpmg_plugins.generators import private_start
from fpmg_plugins.generators.gaussian_start import Start, statistics

from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.types import Charges, Column, Privacy, Representation, Space

SPACE = Space({"a": slice(0, 3), "b": slice(3, 5)}, (Column("label", "category", ("well", "ill")), Column("flag", "flag")))
MEANS = torch.tensor([[0.0, 1.0, -0.5, 0.5, 0.0], [0.8, 0.0, 0.4, -0.5, 1.0]])


def patients(n=4000, absent=0):
    g = torch.Generator().manual_seed(0)
    label = (torch.rand(n, generator=g) < 0.3).float()
    z = MEANS[label.long()] + 0.6 * torch.randn(n, 5, generator=g)
    present = torch.ones(n, 2, dtype=torch.bool)
    present[:absent, 1] = False
    flag = (torch.rand(n, generator=g) < 0.5).float()
    return Representation(z, present, torch.stack([label, flag], 1), torch.arange(n), SPACE)


def start(rows, sigma):
    book = Ledger(0, "s", len(rows), 0.1, Privacy(8.0, 1e-5), Noise(1.0, sigma, 1.0), {"s": Charges(moments=1, counts=1)})
    shard = LocalShard(rows, rows.patient.numpy(), 0.1, "s", book).begin(3)
    found = Start.of(SPACE, statistics(SPACE, shard))
    assert book.spent == {("s", "counts"): 1, ("s", "moments"): 1}
    return found


@pytest.mark.parametrize("absent", [0, 1500])
def test_with_little_noise_class_means_and_variances_are_the_patients_own(absent):
    found = start(patients(absent=absent), 1e-9)
    torch.testing.assert_close(found.mean[:, 1:], MEANS, atol=0.12, rtol=0)  # a long row is clipped
    assert found.factor.diagonal()[1:].tolist() == pytest.approx([0.6] * 5, abs=0.08)


def test_with_much_noise_the_start_stays_where_clipped_rows_can_be():
    found = start(patients(300), 1e5)
    assert float(found.mean.norm(dim=1).max()) <= private_start.width(SPACE) ** 0.5 + 1e-5
    low, high = private_start.LEAST**0.5, private_start.MOST**0.5
    assert ((found.factor.diagonal() >= low - 1e-6) & (found.factor.diagonal() <= high + 1e-6)).all()


def test_means_under_noise_are_nearer_than_unshrunk_ones():
    """Over draws: the shrunk estimate's mean squared error is below that of the noised mean itself."""
    rng = np.random.default_rng(0)
    truth, noise = rng.normal(0, 0.3, 50), 0.5
    errors = []
    for _ in range(200):
        seen = truth + rng.normal(0, noise, 50)
        found = private_start.shrunk(torch.as_tensor(seen), torch.full((50,), noise**2, dtype=torch.float64)).numpy()
        errors.append([((found - truth) ** 2).mean(), ((seen - truth) ** 2).mean(), (truth**2).mean()])
    shrunk, plain, nothing = np.mean(errors, axis=0)
    assert shrunk < plain
    assert shrunk < nothing


def test_noise_alone_is_shrunk_away():
    noise = torch.full((400,), 4.0, dtype=torch.float64)
    seen = 2.0 * torch.randn(400, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert float(private_start.shrunk(seen, noise).square().mean()) < 0.05 * 4.0
    assert torch.equal(private_start.shrunk(seen, torch.zeros(400, dtype=torch.float64)), seen)
