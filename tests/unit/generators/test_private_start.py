"""Class means and variances from one noised access: right with little noise, harmless with much."""

import numpy as np
import pytest
import torch
from fpmg_plugins.generators.statistics import private_start
from fpmg_plugins.generators.statistics.gaussian_start import Start, statistics

from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges, Column, Representation, SiloContext, Space

CTX = SiloContext(0, -1, 1, rng_for(0, "t"))
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
    book = Ledger(0, "s", len(rows), 0.1, Privacy(8.0, 1e-5), Noise(1.0, sigma, 1.0), {"s": Charges(counts=1)})
    shard = LocalShard(rows, rows.patient.numpy(), 0.1, "s", book).begin(3)
    found = Start.of(SPACE, statistics(SPACE, shard, CTX))
    assert book.spent == {("s", "counts"): 1}
    return found


@pytest.mark.parametrize("absent", [0, 1500])
def test_with_little_noise_class_means_and_variances_are_the_patients_own(absent):
    found = start(patients(absent=absent), 1e-9)
    torch.testing.assert_close(found.mean[:, 1:], MEANS, atol=0.12, rtol=0)  # a long row is clipped
    spread = (found.factor @ found.factor.T).diagonal()[1:].sqrt()
    assert spread.tolist() == pytest.approx([0.6] * 5, abs=0.08)


def test_with_much_noise_the_start_stays_where_clipped_rows_can_be():
    found = start(patients(300), 2e4)
    assert float(found.mean.norm(dim=1).max()) <= private_start.Row.of(SPACE).w ** 0.5 + 1e-5


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


def test_a_row_is_never_longer_than_its_clip_and_its_parts_come_back():
    rows = patients(50)
    rows.z.mul_(100)
    row = private_start.Row.of(SPACE)
    made = row.make(rows)
    assert float(made.norm(dim=1).max()) <= row.clip + 1e-9
    label, mask, first, second = row.sums(made.sum(0))
    assert label.tolist() == pytest.approx(np.bincount(rows.condition[:, 0].numpy().astype(int)).tolist())
    assert mask.tolist() == pytest.approx([50, 50])
    x = torch.cat([2 * rows.condition[:, 1:] - 1, rows.z], 1).double()
    x *= (row.w**0.5 / x.norm(dim=1, keepdim=True)).clamp(max=1)
    torch.testing.assert_close(second, x.T @ x)
    torch.testing.assert_close(first.sum(0), x.sum(0))


def test_a_direction_that_stands_out_of_the_noise_is_found_and_its_size_corrected():
    g = torch.Generator().manual_seed(0)
    w, spread, size = 100, 0.2, 12.0
    direction = torch.nn.functional.normalize(torch.randn(w, generator=g, dtype=torch.float64), dim=0)
    noise = spread * torch.randn(w, w, generator=g, dtype=torch.float64)
    noise = torch.triu(noise) + torch.triu(noise, 1).T
    covariance = torch.eye(w, dtype=torch.float64) + size * torch.outer(direction, direction)
    root = private_start.standing_out(covariance + noise, spread)
    values, vectors = torch.linalg.eigh(root @ root.T)
    assert float(values[-1]) == pytest.approx(1 + size, rel=0.06)
    assert float((vectors[:, -1] @ direction).square()) == pytest.approx(1 - w * spread**2 / size**2, abs=0.02)
    assert float(values[:-1].max()) < 1.3
    assert float(values[:-1].min()) > 0.7


def test_a_covariance_of_noise_becomes_a_multiple_of_the_identity():
    g = torch.Generator().manual_seed(1)
    noise = 0.3 * torch.randn(60, 60, generator=g, dtype=torch.float64)
    noise = torch.triu(noise) + torch.triu(noise, 1).T
    root = private_start.standing_out(torch.eye(60, dtype=torch.float64) + noise, 0.33)
    found = root @ root.T
    torch.testing.assert_close(found, found.diagonal().mean() * torch.eye(60, dtype=torch.float64), atol=1e-9, rtol=0)
