import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from fpmg_bench.cipher import Stream
from fpmg_bench.errors import PrivacyError
from fpmg_bench.privacy import Ledger, LocalShard, Noise, dpsgd
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges


def loss_of(module, batch):
    return nn.functional.cross_entropy(module(batch["x"]), batch["y"], reduction="none")


def rows(n=200, d=6):
    g = torch.Generator().manual_seed(1)
    return {"x": torch.randn(n, d, generator=g), "y": torch.randint(0, 3, (n,), generator=g)}


def net(d=6):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(d, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3))


def ledger(steps=50, noise=None, **charges):
    planned = {"s": Charges(private_steps=steps, **charges)}
    return Ledger(0, "a", 200, 0.2, Privacy(8.0, 1e-4), noise or Noise(1.0, 1.0, 1.0), planned)


def shard(data=None, patient=None, rate=0.2, book=None):
    data = data or rows()
    patient = np.arange(len(data["y"])) if patient is None else patient
    return LocalShard(data, patient, rate, "s", book).begin(5)


def test_a_plain_step_is_an_ordinary_optimiser_step_on_the_mean_loss():
    module, twin = net(), net()
    log = shard(rate=1.0).step(module, torch.optim.SGD(module.parameters(), 0.1), loss_of)
    optimizer = torch.optim.SGD(twin.parameters(), 0.1)
    value = loss_of(twin, rows()).mean()
    value.backward()
    optimizer.step()
    assert log.size == 200
    assert log.loss == pytest.approx(value.item(), rel=1e-6)
    for a, b in zip(module.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_draws_are_poisson_over_patients_one_record_each():
    patient = np.repeat(np.arange(100), 3)
    data = {"x": torch.arange(300.0)[:, None].repeat(1, 6), "y": torch.zeros(300, dtype=torch.long)}
    seen, sizes = [], []

    def spy(module, batch):
        ids = batch["x"][:, 0].long() // 3
        assert len(ids.unique()) == len(ids)
        seen.extend(batch["x"][:, 0].long().tolist())
        return loss_of(module, batch)

    part, module = shard(data, patient), net()
    optimizer = torch.optim.SGD(module.parameters(), 0.0)
    for _ in range(400):
        sizes.append(part.step(module, optimizer, spy).size)
    assert np.mean(sizes) == pytest.approx(20, abs=0.8)  # 100 patients at rate .2; standard error .2
    assert np.var(sizes) == pytest.approx(16, rel=0.3)
    assert len(set(seen)) == 300


def test_moments_weigh_patients_not_records():
    data = {"x": torch.tensor([[1.0], [3.0], [10.0]])}
    found = LocalShard(data, np.array([0, 0, 1]), 0.5, "s").begin(0).moments(lambda batch: batch["x"], 1.0)
    assert float(found.mean) == pytest.approx((2 + 10) / 2)
    assert float(found.second) == pytest.approx(((1 + 9) / 2 + 100) / 2)
    assert found.n == 2


def test_counts_weigh_patients_not_records():
    data = {"x": torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])}
    found = LocalShard(data, np.array([4, 4, 9]), 0.5, "s").begin(0).counts(lambda batch: batch["x"], 1.0)
    assert found.tolist() == [0.5, 1.5]


@pytest.mark.parametrize("private", [False, True])
def test_sparse_bins_are_counted_and_clipped_as_dense_ones(private):
    data = {"x": torch.randn(30, 8, generator=torch.Generator().manual_seed(2)).relu()}
    patient = np.arange(30) // 2

    def counted(bins):
        book = ledger(counts=1) if private else None
        return LocalShard(data, patient, 0.5, "s", book).begin(0).counts(bins, 1.0)

    torch.testing.assert_close(counted(lambda batch: batch["x"].to_sparse()), counted(lambda batch: batch["x"]))


LAYERS = {
    "linear": lambda: nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)),
    "layer-norm": net,
    "conv2d+group-norm": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 2, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3)
    ),
    "conv-transpose2d": lambda: nn.Sequential(
        nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 2, 3), nn.Flatten(), nn.Linear(18, 3)
    ),
    "conv1d": lambda: nn.Sequential(nn.Unflatten(1, (2, 3)), nn.Conv1d(2, 4, 2), nn.Flatten(), nn.Linear(8, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_clipped_sums_equal_per_example_gradients_of_torch_func(name):
    torch.manual_seed(0)
    module, data, clip = LAYERS[name](), rows(16), 0.3
    dpsgd.gradients(module, loss_of, [data], dpsgd.Step(0.0, clip, 1.0, None))
    parameters = {k: v.detach() for k, v in module.named_parameters()}

    def one(p, x, y):
        return nn.functional.cross_entropy(torch.func.functional_call(module, p, x[None]), y[None])

    each = torch.func.vmap(torch.func.grad(one), in_dims=(None, 0, 0))(parameters, data["x"], data["y"])
    norms = sum(g.flatten(1).square().sum(1) for g in each.values()).sqrt()
    assert float(norms.max()) > clip
    factor = (clip / norms).clamp(max=1)
    for key, p in module.named_parameters():
        expected = torch.einsum("n,n...->...", factor, each[key])
        torch.testing.assert_close(p.grad, expected, atol=1e-5, rtol=1e-5)


def test_noise_has_the_stated_scale_and_is_divided_by_the_expected_batch():
    module = nn.Linear(100, 100)
    dpsgd.gradients(module, loss_of, [], dpsgd.Step(2.0, 0.5, 10.0, Stream.of(0)))
    assert float(module.weight.grad.std()) == pytest.approx(2.0 * 0.5 / 10, rel=0.02)


def test_every_private_step_is_charged_even_an_empty_draw_and_none_beyond_the_plan():
    book, module = ledger(steps=3), net()
    part = shard(rate=1e-9, book=book)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    before = module[0].weight.detach().clone()
    for _ in range(3):
        assert part.step(module, optimizer, loss_of).size == 0
    assert book.spent == {("s", "step"): 3}
    assert not torch.equal(before, module[0].weight)
    with pytest.raises(PrivacyError, match="exceeds"):
        part.step(module, optimizer, loss_of)


def test_a_private_step_prints_no_loss():
    module = net()
    log = shard(book=ledger()).step(module, torch.optim.SGD(module.parameters(), 0.1), loss_of)
    assert math.isnan(log.loss)


def test_a_loss_that_mixes_rows_is_refused():
    def mixing(module, batch):
        own = loss_of(module, batch)
        return own + own.mean()

    module = net()
    with pytest.raises(PrivacyError, match="mixes rows"):
        shard(book=ledger()).step(module, torch.optim.SGD(module.parameters(), 0.1), mixing)


def test_batch_norm_is_refused():
    module = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    with pytest.raises(PrivacyError, match="cannot be trained privately"):
        shard(book=ledger()).step(module, torch.optim.SGD(module.parameters(), 0.1), loss_of)


class Tied(nn.Module):
    """One layer called twice in a loss: hooks see two gradients of one parameter."""

    def __init__(self):
        super().__init__()
        self.square = nn.Linear(6, 6)

    def forward(self, x):
        return self.square(torch.tanh(self.square(x)))[:, :3]


class Padded(nn.Module):
    """padding_idx: the norm sampler counts a row whose gradient autograd drops."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(3, 3, padding_idx=0)

    def forward(self, x):
        return self.words((x[:, 0] > 0).long())


@pytest.mark.parametrize("make", [Tied, Padded])
def test_a_module_whose_norms_hooks_get_wrong_is_refused(make):
    module = make()
    with pytest.raises(PrivacyError, match=r"gradient norm|called twice"):
        shard(book=ledger()).step(module, torch.optim.SGD(module.parameters(), 0.1), loss_of)


def test_the_public_loss_is_neither_clipped_nor_noised():
    module = nn.Linear(6, 3)
    part = shard(book=ledger(noise=Noise(0.0, 1.0, 1e-12)))
    optimizer = torch.optim.SGD(module.parameters(), 1.0)
    before = module.weight.detach().clone()
    part.step(module, optimizer, loss_of, lambda m: m.weight.sum())
    torch.testing.assert_close(module.weight, before - 1.0, atol=1e-5, rtol=0)


def test_private_moments_are_clipped_noised_and_charged():
    book = ledger(steps=0, moments=1, noise=Noise(1.0, 5.0, 1.0))
    data = {"x": torch.zeros(200, 50)}
    found = shard(data | {"y": torch.zeros(200)}, book=book).moments(lambda batch: batch["x"], 2.0, full=False)
    assert float(found.mean.std()) == pytest.approx(5 * 2**0.5 * 2.0 / 200, rel=0.25)
    assert book.spent == {("s", "moments"): 1}


def test_prepared_features_are_computed_once_and_share_the_stream():
    calls = []

    def features(data):
        calls.append(1)
        return {"x": data["x"] * 2, "y": data["y"]}

    part = shard()
    assert part.prepared("double", features) is part.prepared("double", features)
    assert len(calls) == 1


def test_features_that_lose_rows_are_refused():
    with pytest.raises(PrivacyError, match="one row a record"):
        shard().prepared("half", lambda data: {"x": data["x"][:10]})


def test_a_batch_in_parts_gives_the_same_gradients_as_whole():
    torch.manual_seed(0)
    module, data = net(), rows(50)
    parts = [{k: v[at : at + 7] for k, v in data.items()} for at in range(0, 50, 7)]
    found = []
    for batches in ([data], parts):
        dpsgd.gradients(module, loss_of, batches, dpsgd.Step(0.5, 0.3, 10.0, Stream.of(1)))
        found.append([p.grad.clone() for p in module.parameters()])
    for whole, cut in zip(*found, strict=True):
        torch.testing.assert_close(whole, cut, atol=1e-6, rtol=1e-5)


def test_more_rows_than_fit_are_taken_in_parts(monkeypatch):
    module, sizes = net(), []
    monkeypatch.setattr(dpsgd, "HELD", 8 * sum(p.numel() for p in module.parameters()))

    def spy(module, batch):
        sizes.append(len(batch["x"]))
        return loss_of(module, batch)

    private = shard(rate=0.5, book=ledger())
    private.begin(0).step(module, torch.optim.SGD(module.parameters(), 0.1), spy)
    drawn = [size for size in sizes if size <= 8]
    assert 6 <= max(drawn) <= 8
    assert len(drawn) > 5


def test_classes_of_different_rates_are_drawn_at_them_and_charged_at_the_largest():
    label = np.repeat([0, 1], [180, 20])
    rate = np.where(label == 1, 0.5, 0.05)
    book = Ledger(0, "a", 200, {"s": 0.5}, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1.0), {"s": Charges(private_steps=400)})
    seen = []

    def spy(module, batch):
        seen.append(batch["y"])
        return loss_of(module, batch)

    data = rows()
    data["y"] = torch.as_tensor(label)
    private = LocalShard(data, np.arange(200), rate, "s", book).begin(0)
    assert private.balanced
    assert private.patients == 200
    drawn = np.stack([np.bincount(label[private._draw()], minlength=2) for _ in range(2000)])
    assert drawn.mean(0) == pytest.approx([9.0, 10.0], rel=0.03)
    assert drawn.var(0) == pytest.approx([180 * 0.05 * 0.95, 20 * 0.25], rel=0.1)
    module = net()
    private.step(module, torch.optim.SGD(module.parameters(), 0.1), spy)
    assert [(m.rate, m.count) for m in book.entries()] == [(0.5, 1)]


def test_a_patient_of_two_classes_has_the_larger_rate():
    private = LocalShard(rows(4), np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.1, 0.1]), "s")
    assert private._rates.tolist() == [0.4, 0.1]


@pytest.mark.parametrize("rate", [0.1, 1 / 3, 0.007, 1e-5, 0.9999999])
def test_nobody_is_drawn_more_often_than_is_charged(rate):
    """A patient is drawn where 53 random bits are below a limit, which is the rate times 2^53, rounded down."""
    part, asked = shard(rate=rate, book=ledger()), []
    part._secret["draw"].below = lambda limit: asked.append(limit) or np.zeros(len(limit), bool)
    part._draw()
    assert rate - 2**-53 <= Fraction(int(asked[0][0]), 2**53) <= rate
