"""Noise and draws: the stated law on the stated grid, from keys that nobody finds."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from fpmg_bench.cipher import Stream
from fpmg_bench.errors import PrivacyError
from fpmg_bench.keys import key_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise, dpsgd, noise
from fpmg_bench.privacy.secrets import Memory, Secrets
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges

N = 400_000


def numbers(n=N, root=7):
    return noise.gaussian(n, Stream.of(root, "test"))


def counted(root, *path, secure=False, keys=None):
    """Noisy counts of nobody in particular."""
    book = Ledger(0, "a", 50, 0.5, Privacy(8.0, 1e-4, secure=secure), Noise(1.0, 2.0, 1.0, secure), {"s": Charges(counts=1)})
    shard = LocalShard({"x": torch.ones(50, 200)}, np.arange(50), 0.5, "s", book, keys=keys)
    return shard.begin(root, *path).counts(lambda batch: batch["x"], 1.0)


def test_the_law_is_the_discrete_gaussian():
    """Mean, variance, skewness and kurtosis within five standard errors, and Kolmogorov's distance."""
    z = numbers() / noise.SIGMA
    assert abs(z.mean()) < 5 / N**0.5
    assert abs(z.var() - 1) < 5 * (2 / N) ** 0.5
    assert abs(stats.skew(z)) < 5 * (6 / N) ** 0.5
    assert abs(stats.kurtosis(z)) < 5 * (24 / N) ** 0.5
    assert stats.kstest(z, "norm").pvalue > 1e-4
    assert stats.chisquare(np.bincount(numbers() & 15, minlength=16)).pvalue > 1e-4  # every place of the grid, not only some


def test_bins_have_their_exact_weights():
    threshold, other = noise._aliases()
    found = [Fraction(0)] * noise.BINS
    for m, (own, to) in enumerate(zip(threshold.tolist(), other.tolist(), strict=True)):
        share = Fraction(1) if to == m else Fraction(own, 2**64)
        found[m] += share
        found[to] += 1 - share if to != m else 0
    weight = np.exp(-(np.arange(noise.BINS) ** 2) / 131072.0)
    expected = weight / weight.sum() * noise.BINS
    assert np.array([float(each) for each in found]) == pytest.approx(expected, rel=1e-12, abs=2.0**-60)


def test_what_is_kept_has_the_exponential_chance():
    """Algorithm 1 with g = 1/2 of its largest: the first trial fails with 1 - g, later ones correct to exp(-g)."""
    against = np.full(N, 2**38, dtype=np.int64)  # g = 1/2
    stream = Stream.of(3)
    first = (stream.words(N) >> np.uint64(25)).view(np.int64) >= against
    kept = first.copy()
    kept[~first] = noise._exponential(against[~first], stream)
    assert kept.mean() == pytest.approx(np.exp(-0.5), abs=5 * 0.49 / N**0.5)


def test_noised_sums_lie_on_the_grid_that_is_stated():
    total = torch.rand(1000, dtype=torch.float64) * 40
    found = noise.noised(total, 0.5, 1.5, Stream.of(0)).numpy()
    step = noise.grid(1000, 0.5, 1.5)
    steps = found / step
    assert np.abs(steps - np.rint(steps)).max() < 1e-6
    assert step * noise.SIGMA == pytest.approx(1.5 * (0.5 + 1000**0.5 * step))  # sigma x (clip + what rounding moves)
    assert np.std(found - total.numpy()) == pytest.approx(0.75, rel=0.1)


def test_a_step_of_a_module_lies_on_the_grid_too():
    module = nn.Linear(30, 30).double()
    spec = dpsgd.Step(2.0, 0.5, 1.0, Stream.of(1))

    def losses_of(model, batch):
        return model(batch["x"]).square().sum(1)

    dpsgd.gradients(module, losses_of, [{"x": torch.randn(8, 30, dtype=torch.float64)}], spec)
    steps = module.weight.grad.numpy() / noise.grid(930, 0.5, 2.0)
    assert np.abs(steps - np.rint(steps)).max() < 1e-6


def test_a_grid_too_coarse_for_its_numbers_is_refused():
    with pytest.raises(PrivacyError, match="too coarse"):
        noise.grid(10**8, 1.0, 100.0)


def test_roots_that_differ_above_32_bits_give_other_noise():
    """torch keeps 32 bits: `manual_seed(5)` and `manual_seed(5 + 2**32)` are one stream."""
    assert not torch.equal(counted(5), counted(5 + 2**32))
    assert not torch.equal(counted(5, "p"), counted(5 + 2**52, "p"))
    assert torch.equal(counted(5, "p"), counted(5, "p")) and not torch.equal(counted(5, "p"), counted(5, "q"))


def test_draws_differ_above_32_bits_too():
    book = Ledger(0, "a", 500, 0.5, Privacy(8.0, 1e-4), Noise(1.0, 1.0, 1.0), {"s": Charges(private_steps=9)})
    one, other = (
        LocalShard({"x": torch.ones(500)}, np.arange(500), 0.5, "s", book).begin(root)._draw() for root in (5, 5 + 2**32)
    )
    assert not np.array_equal(one, other)


def test_keys_are_those_of_rfc_5869():
    """HKDF by its definition: extract with the salt, expand with the path."""
    import hashlib
    import hmac

    secret = hmac.new(b"fpmg-bench", b"12", hashlib.sha256).digest()
    assert key_for(12, "a", 3) == hmac.new(secret, b'["a",3]\x01', hashlib.sha256).digest()


def test_words_are_those_of_aes_in_counter_mode():
    """The first block of AES-256 under the key of FIPS-197, appendix C.3, whose input is the counter 0."""
    key = bytes(range(32))
    assert Stream(key).words(2).tobytes().hex() == "f29000b62a499fd0a9f39a6add2e7780"
    whole = Stream(key)
    assert np.array_equal(np.concatenate([whole.words(3), whole.words(5)]), Stream(key).words(8))


def test_secure_openings_have_keys_of_the_system():
    keys = Secrets()
    assert not torch.equal(counted(5, "s", 0, secure=True, keys=keys), counted(5, "s", 1, secure=True, keys=keys))
    assert not torch.equal(counted(5, "s", 0, secure=True), counted(5, "s", 0, secure=True))


def test_the_charge_and_the_key_are_stored_before_anything_is_drawn():
    kept = Memory()
    keys = Secrets(kept, {"a": 8.0})
    first = keys.key("s", 0)
    assert kept["charged"] == {"a": 8.0} and len(bytes.fromhex(kept["key"])) == 32
    assert first == key_for(bytes.fromhex(kept["key"]), "s", 0) != keys.key("s", 1)


def test_whoever_resumes_sends_the_same_and_whoever_has_released_trains_no_more():
    kept = Memory()
    first = counted(5, "s", 0, secure=True, keys=Secrets(kept))
    again = Secrets(kept)
    assert torch.equal(counted(5, "s", 0, secure=True, keys=again), first)
    again.forget()
    assert "key" not in kept
    with pytest.raises(PrivacyError, match="spends epsilon again"):
        counted(5, "s", 0, secure=True, keys=Secrets(kept))
