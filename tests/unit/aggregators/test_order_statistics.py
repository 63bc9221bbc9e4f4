"""Median and trimmed mean against numpy, and the sorting network below them."""

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators import ordering
from fpmg_plugins.aggregators.coordinate_median import CoordinateMedian
from fpmg_plugins.aggregators.ordering import BLOCK, comparators, ordered
from fpmg_plugins.aggregators.trimmed_mean import TrimmedMean
from scipy.stats import trim_mean


def rows(m, d=500, seed=0):
    return torch.randn(m, d, generator=torch.Generator().manual_seed(seed))


def merged(rule, x):
    return rule.merge(x, torch.full((len(x),), 1 / len(x)), x[0], None, {}).numpy()


@pytest.mark.parametrize("m", range(1, 11))
def test_the_network_sorts_every_pattern_of_zeros_and_ones(m):
    """What sorts these sorts everything (the zero-one principle)."""
    patterns = torch.tensor([[k >> i & 1 for k in range(2**m)] for i in range(m)], dtype=torch.float32)
    found = torch.cat([torch.stack(part) for _, part in ordered(patterns, 0, m - 1)], dim=1)
    assert torch.equal(found, patterns.sort(dim=0).values)


@pytest.mark.parametrize("m", [2, 5, 16, 17])
def test_a_pruned_network_still_finds_what_is_wanted(m):
    x = rows(m, BLOCK + 3)
    low, high = (m - 1) // 2, m // 2
    assert len(comparators(m, frozenset({low, high}))) <= len(comparators(m, frozenset(range(m))))
    found = torch.cat([torch.stack(part) for _, part in ordered(x, low, high)], dim=1)
    assert torch.equal(found, x.sort(dim=0).values[low : high + 1])


@pytest.mark.parametrize("m", range(1, 10))
def test_the_median_equals_numpy_for_odd_and_even_m(m):
    x = rows(m, seed=m)
    np.testing.assert_allclose(merged(CoordinateMedian(0), x), np.median(x.double().numpy(), axis=0), atol=1e-7)


@pytest.mark.parametrize(("m", "b"), [(3, 1), (4, 1), (5, 2), (9, 2), (16, 3), (4, 0)])
def test_the_trimmed_mean_equals_scipy(m, b):
    x = rows(m, seed=m)
    expected = trim_mean(x.double().numpy(), (b + 1e-9) / m, axis=0)
    np.testing.assert_allclose(merged(TrimmedMean(b), x), expected, atol=1e-7)


def test_several_blocks_are_put_together(monkeypatch):
    x = rows(5)
    whole = merged(TrimmedMean(1), x)
    monkeypatch.setattr(ordering, "BLOCK", 64)
    np.testing.assert_array_equal(merged(TrimmedMean(1), x), whole)


def test_a_model_that_is_not_a_number_is_one_more_liar():
    x = rows(5)
    honest = x[:4].sort(dim=0).values
    x[4] = float("nan")
    np.testing.assert_array_equal(merged(CoordinateMedian(1), x), honest[2].numpy())
    np.testing.assert_allclose(merged(TrimmedMean(1), x), honest[1:].double().mean(0).numpy(), atol=1e-7)


def test_two_honest_models_a_liar_and_one_more():
    assert [rule(liars=f).min_inputs() for f in (1, 2) for rule in (CoordinateMedian, TrimmedMean)] == [3, 3, 5, 5]
