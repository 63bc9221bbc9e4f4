"""The bound against closed forms, the paper's own numbers, and a simulated null."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from fpmg_bench.audit.bound import ceiling, lower_bound, p_value


@pytest.mark.parametrize(("canaries", "epsilon"), [(200, 4.2), (1000, 5.8)])
def test_the_ceiling_with_all_guesses_right(canaries, epsilon):
    assert ceiling(canaries, canaries, 1e-5) == pytest.approx(epsilon, abs=0.05)


@pytest.mark.parametrize("guesses", [1, 20, 200])
def test_without_delta_all_right_has_a_closed_form(guesses):
    """p^r = .05 with p = e^eps / (1 + e^eps)."""
    p = 0.05 ** (1 / guesses)
    assert ceiling(guesses, guesses, 0.0) == pytest.approx(max(0.0, math.log(p / (1 - p))), abs=1e-6)


def test_without_delta_the_bound_is_where_the_binomial_tail_is_5_percent():
    epsilon = lower_bound(1000, 100, 75, 0.0)
    assert binom.sf(74, 100, 1 / (1 + math.exp(-epsilon))) == pytest.approx(0.05, abs=1e-6)
    assert 0.6 < epsilon < 0.75


def test_delta_costs_and_more_so_with_more_canaries():
    free, few, many = (lower_bound(m, 100, 95, delta) for m, delta in ((100, 0.0), (100, 1e-4), (10_000, 1e-4)))
    assert free > few > many


def test_the_delta_term_is_the_theorem_s():
    """2 m delta max_i P[v > W >= v - i] / i, spelled out."""
    m, r, v, epsilon, delta = 50, 30, 24, 0.7, 1e-3
    p = 1 / (1 + math.exp(-epsilon))
    worst = max(sum(binom.pmf(v - j, r, p) for j in range(1, i + 1)) / i for i in range(1, v + 1))
    assert p_value(m, r, v, epsilon, delta) == pytest.approx(binom.sf(v - 1, r, p) + 2 * m * delta * worst, rel=1e-9)


def bounds_of(right):
    """Of many runs with 200 guesses each."""
    known = {int(v): lower_bound(200, 200, int(v), 1e-5) for v in np.unique(right)}
    return np.array([known[int(v)] for v in right])


def test_guessing_at_random_bounds_nothing_in_94_of_100_runs():
    rng = np.random.default_rng(0)
    right = (rng.random((200, 200)) < 0.5).sum(1)
    bounds = bounds_of(right)
    assert (bounds == 0).mean() >= 0.94
    assert bounds.max() < 0.5


def test_a_randomised_response_at_epsilon_1_is_hardly_ever_refuted():
    """The mechanism that meets the bound: the guess is right with e / (1 + e)."""
    rng = np.random.default_rng(1)
    right = rng.binomial(200, math.e / (1 + math.e), 200)
    bounds = bounds_of(right)
    assert (bounds <= 1).mean() >= 0.92
    assert bounds.mean() > 0.6


def test_more_right_than_guessed_is_refused():
    with pytest.raises(ValueError, match="7 right of 6"):
        lower_bound(10, 6, 7, 0.0)
