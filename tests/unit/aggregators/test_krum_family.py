"""Krum, Multi-Krum and Bulyan against the papers, loop by loop, in float64."""

import itertools

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.bulyan import Bulyan
from fpmg_plugins.aggregators.krum import Krum, MultiKrum
from fpmg_plugins.aggregators.span import squared_distances


def models(m, d=400, spread=1.0, seed=0, offset=0.0):
    g = torch.Generator().manual_seed(seed)
    return (offset + torch.randn(d, generator=g).double() + spread * torch.randn(m, d, generator=g).double()).float()


def krum_scores(x, f, left):
    """Blanchard et al. (2017): squared distances to the |left| - f - 2 nearest others."""
    near = max(len(left) - f - 2, 1)
    return {i: sum(sorted(float(((x[i] - x[j]) ** 2).sum()) for j in left if j != i)[:near]) for i in left}


def krum(x, f, left):
    score = krum_scores(x, f, left)
    return min(left, key=lambda i: (score[i], i))


def bulyan(x, f):
    """El Mhamdi et al. (2018), algorithm 2: theta winners with removal, then the theta - 2f values closest to the median."""
    left, taken = list(range(len(x))), []
    while len(taken) < len(x) - 2 * f:
        taken.append(krum(x, f, left))
        left.remove(taken[-1])
    chosen = x[sorted(taken)]
    merged = []
    for column in chosen.T:
        middle = np.median(column)
        closest = sorted(column, key=lambda value: (abs(value - middle), value))[: len(taken) - 2 * f]
        merged.append(np.mean(closest))
    return np.array(merged)


def merged(rule, x, reference=None):
    reference = x[0] if reference is None else reference
    return rule.merge(x, torch.full((len(x),), 1 / len(x)), reference, None, {}).numpy()


@pytest.mark.parametrize(("m", "f"), [(3, 0), (5, 1), (6, 1), (9, 2), (16, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_krum_equals_brute_force(m, f, seed):
    x = models(m, seed=seed)
    np.testing.assert_array_equal(merged(Krum(liars=f), x), x[krum(x.double().numpy(), f, range(m))].numpy())


@pytest.mark.parametrize("offset", [1.0, 30.0])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("away", [False, True])
def test_krum_equals_brute_force_at_a_spread_of_a_millionth_of_a_large_common_offset(offset, seed, away):
    """float32 |x|^2 + |y|^2 - 2xy has no digit left here; away: the reference is far from all of them as well."""
    x = models(8, spread=1e-6 * offset, seed=seed, offset=offset)
    reference = torch.zeros_like(x[0]) if away else x.double().mean(0).float()
    exact = ((x.double()[:, None] - x.double()[None]) ** 2).sum(-1)
    np.testing.assert_allclose(squared_distances(x, reference).numpy(), exact.numpy(), rtol=1e-9)
    winner = krum(x.double().numpy(), 2, range(8))
    np.testing.assert_array_equal(merged(Krum(liars=2), x, reference), x[winner].numpy())


def test_a_liar_far_away_does_not_blur_the_distances_of_the_others():
    x = models(6, spread=1e-3)
    exact = ((x.double()[:, None] - x.double()[None]) ** 2).sum(-1)[:5, :5]
    x[5] = 1e15
    np.testing.assert_allclose(squared_distances(x, x[2])[:5, :5].numpy(), exact.numpy(), rtol=1e-9)


@pytest.mark.parametrize(("m", "f", "keep"), [(5, 1, None), (8, 1, 3), (9, 2, None)])
def test_multi_krum_is_the_mean_of_the_lowest_scores(m, f, keep):
    x = models(m, seed=4)
    score = krum_scores(x.double().numpy(), f, range(m))
    best = sorted(range(m), key=lambda i: score[i])[: keep or m - f]
    np.testing.assert_allclose(merged(MultiKrum(f, keep), x), x[best].double().mean(0).numpy(), atol=1e-6)


@pytest.mark.parametrize(("m", "f"), [(3, 0), (7, 1), (8, 1), (11, 2), (12, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_bulyan_equals_the_iterative_reference(m, f, seed):
    x = models(m, d=60, seed=seed)
    x[:f] *= -20
    np.testing.assert_allclose(merged(Bulyan(liars=f), x), bulyan(x.double().numpy(), f), atol=1e-6)


def test_choosing_all_in_one_pass_would_be_another_rule():
    """Flower's Bulyan takes theta models in one Multi-Krum pass; with removal some runs choose others."""
    differ = 0
    for seed in range(20):
        x = models(11, d=3, seed=seed).double()
        distances = squared_distances(x, x[0])
        once = krum_scores(x.numpy(), 2, range(11))
        differ += sorted(sorted(once, key=once.get)[:7]) != Bulyan(liars=2).chosen(distances)
    assert differ > 0


def test_ties_go_to_the_lowest_origin():
    square = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 9.0]])
    for order in itertools.permutations(range(4)):
        x = square[[*order, 4]]
        np.testing.assert_array_equal(merged(Krum(liars=1), x, torch.zeros(2)), x[0].numpy())


def test_the_least_numbers_of_models():
    assert [rule(liars=f).min_inputs() for f in (1, 2) for rule in (Krum, MultiKrum, Bulyan)] == [5, 5, 7, 7, 7, 11]
    assert MultiKrum(liars=1, keep=6).min_inputs() == 7  # no more than m - liars may be kept
