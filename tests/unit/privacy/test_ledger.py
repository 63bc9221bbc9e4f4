import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp
from scipy.stats import norm

from fpmg_bench.errors import PrivacyError
from fpmg_bench.privacy import Ledger, Mechanism, Noise, calibrate, epsilon_of
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Charges

EIGHT = Privacy(epsilon=8.0, delta=1e-4)


def steps(n, batch, sigma, count):
    return [Mechanism("s", "step", batch / n, sigma, count)]


@pytest.mark.parametrize(("rounds", "epsilon"), [(1, 1.12), (3, 1.32), (10, 1.86), (50, 4.02), (100, 5.88)])
def test_rounds_compose_and_one_round_is_not_the_answer(rounds, epsilon):
    """N=4000, B=32, sigma 1, delta 1e-5, one epoch a round: an engine rebuilt every round would report 1.12 for ever."""
    assert epsilon_of(steps(4000, 32, 1.0, 125 * rounds), 1e-5, "rdp") == pytest.approx(epsilon, abs=0.006)


@pytest.mark.parametrize(
    ("n", "batch", "count", "delta", "rdp", "prv"), [(1000, 64, 312, 1e-4, 7.47, 6.64), (4000, 32, 1250, 1e-5, 1.86, 1.61)]
)
def test_known_numbers_of_both_accountants(n, batch, count, delta, rdp, prv):
    rows = steps(n, batch, 1.0, count)
    assert epsilon_of(rows, delta, "rdp") == pytest.approx(rdp, abs=0.006)
    assert epsilon_of(rows, delta, "prv") == pytest.approx(prv, abs=0.011)


@pytest.mark.parametrize(("n", "batch", "sigma"), [(161, 64, 7.4), (161, 16, 2.0), (993, 64, 1.4), (993, 16, 0.67)])
def test_the_noise_known_for_a_thousand_steps_is_enough_and_prv_needs_less(n, batch, sigma):
    assert epsilon_of(steps(n, batch, sigma, 1000), 1e-4, "rdp") == pytest.approx(8.0, abs=0.1)
    found = calibrate({"stage2": Charges(private_steps=1000)}, batch / n, EIGHT).steps
    assert 0.85 * sigma < found <= sigma
    assert 7.85 < epsilon_of(steps(n, batch, found, 1000), 1e-4, "prv") <= 8.0


def test_the_whole_plan_stays_within_epsilon_and_hardly_below():
    planned = {"stage1:text": Charges(160, 1, 1), "stage2": Charges(300, 0, 1)}
    ledger = Ledger(0, "a", 150, 0.1, EIGHT, calibrate(planned, 0.1, EIGHT), planned)
    for stage, charges in planned.items():
        for kind, count in (("step", charges.private_steps), ("moments", charges.moments), ("counts", charges.counts)):
            for _ in range(count):
                ledger.charge(stage, kind)
    assert 7.8 < ledger.epsilon() <= 8.0
    assert ledger.epsilon() <= ledger.epsilon("rdp") + 0.02


def test_every_stage_has_its_own_epsilon_and_they_compose_to_less_than_their_sum():
    planned = {"stage1:text": Charges(200), "stage1:table": Charges(200), "stage2": Charges(400)}
    ledger = Ledger(0, "a", 1000, 0.06, EIGHT, Noise(1.0, 1.0, 1.0), planned)
    for stage, charges in planned.items():
        for _ in range(charges.private_steps):
            ledger.charge(stage, "step")
    alone = ledger.by_stage()
    assert alone["stage1:text"] == alone["stage1:table"] < alone["stage2"] < ledger.epsilon() < sum(alone.values())
    assert alone["stage2"] == pytest.approx(epsilon_of(steps(1000, 60, 1.0, 400), 1e-4))
    assert ledger.summary()["epsilon_by_stage"] == alone


def test_an_access_beyond_the_plan_is_refused():
    planned = {"stage2": Charges(private_steps=1)}
    ledger = Ledger(0, "a", 150, 0.1, EIGHT, Noise(1.0, 1.0, 1.0), planned)
    ledger.charge("stage2", "step")
    with pytest.raises(PrivacyError, match="step number 2 exceeds the 1"):
        ledger.charge("stage2", "step")
    with pytest.raises(PrivacyError, match="moments number 1 exceeds the 0"):
        ledger.charge("stage1:text", "moments")


def test_an_epsilon_that_no_noise_reaches_is_refused():
    with pytest.raises(PrivacyError, match="no noise reaches epsilon"):
        calibrate({"stage2": Charges(private_steps=100)}, 0.5, Privacy(epsilon=1e-6, delta=1e-9))


def test_nothing_spent_is_zero_and_no_noise_is_infinite():
    assert epsilon_of([], 1e-5) == 0.0
    assert epsilon_of([Mechanism("s", "step", 0.1, 0.0, 1)], 1e-5) == float("inf")


def analytic(sigma, k, delta):
    """Exact epsilon of k Gaussian mechanisms (Balle and Wang, 2018, theorem 8), by bisection of its delta."""
    s = sigma / math.sqrt(k)

    def spent(epsilon):
        return norm.cdf(0.5 / s - epsilon * s) - math.exp(epsilon) * norm.cdf(-0.5 / s - epsilon * s)

    return brentq(lambda epsilon: spent(epsilon) - delta, 0.0, 200.0)


@pytest.mark.parametrize(("sigma", "k"), [(2.0, 1), (4.0, 3), (6.0, 30), (1.5, 2)])
@pytest.mark.parametrize("delta", [1e-4, 1e-6])
def test_unsampled_gaussians_cost_what_the_closed_form_says(sigma, k, delta):
    rows = [Mechanism("s", "moments", 1.0, sigma, k)]
    exact = analytic(sigma, k, delta)
    assert exact - 1e-3 <= epsilon_of(rows, delta) <= exact + 0.02
    assert exact <= epsilon_of(rows, delta, "rdp") <= 1.35 * exact + 0.1


def renyi(q, sigma, order):
    """Renyi divergence of a Poisson-sampled Gaussian at a whole order: the binomial sum of Mironov, Talwar and Zhang (2019)."""
    terms = [
        gammaln(order + 1) - gammaln(i + 1) - gammaln(order - i + 1) + i * math.log(q) + (order - i) * math.log1p(-q)
        + (i * i - i) / (2 * sigma**2)
        for i in range(order + 1)
    ]  # fmt: skip
    return logsumexp(terms) / (order - 1)


@pytest.mark.parametrize(
    ("q", "sigma", "steps", "delta"), [(0.064, 1.0, 312, 1e-4), (0.008, 1.0, 1250, 1e-5), (0.1, 2.0, 200, 1e-5)]
)
def test_sampled_gaussians_by_rdp_agree_with_the_binomial_sum_to_one_percent(q, sigma, steps, delta):
    """Converted as Opacus does (Balle et al., 2020, theorem 21), over whole orders alone."""
    orders = np.arange(2, 200)
    total = np.array([steps * renyi(q, sigma, int(order)) for order in orders])
    epsilon = (total - (math.log(delta) + np.log(orders)) / (orders - 1) + np.log((orders - 1) / orders)).min()
    assert epsilon_of([Mechanism("s", "step", q, sigma, steps)], delta, "rdp") == pytest.approx(epsilon, rel=0.01)
