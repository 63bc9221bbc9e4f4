"""Intervals and paired tests against closed forms, scipy and simulated tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from fpmg_bench.errors import NotApplicable
from fpmg_bench.stats import bootstrap, corrected_t, detectable, friedman, holm, interval, pareto, tost, wilcoxon


def test_the_interval_over_seeds_is_students() -> None:
    values = [0.71, 0.74, 0.69, 0.77, 0.73]
    mean, low, high = interval(values)
    expected = scipy_stats.t.interval(0.95, 4, np.mean(values), scipy_stats.sem(values))
    assert (mean, low, high) == pytest.approx((np.mean(values), *expected), rel=1e-12)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    assert interval([0.5])[0] == 0.5
    assert all(map(math.isnan, interval([0.5])[1:]))
    assert all(map(math.isnan, interval([])))


def test_a_missing_value_is_not_silently_left_out() -> None:
    assert math.isnan(interval([0.5, math.nan, 0.6])[0])


def test_corrected_t_is_students_t_with_the_wider_variance() -> None:
    d = [0.02, 0.05, 0.01, 0.04, 0.03, 0.06]
    plain = corrected_t(d, 0.0)
    reference = scipy_stats.ttest_1samp(d, 0.0)
    assert (plain.t, plain.p) == pytest.approx((reference.statistic, reference.pvalue), rel=1e-10)
    # Nadeau & Bengio 2003: variance x (1/k + n_H/n_T); with k = 6 and 30 % / 60 % that is x (1/6 + 1/2) instead of x 1/6
    corrected = corrected_t(d, 0.5)
    assert corrected.t == pytest.approx(plain.t / 2, rel=1e-12)
    assert corrected.p == pytest.approx(2 * scipy_stats.t.sf(corrected.t, 5), rel=1e-12)
    assert (corrected.high - corrected.mean) == pytest.approx(2 * (plain.high - plain.mean), rel=1e-12)
    assert (corrected.low > 0) == (corrected.p < 0.05)


def test_known_answer_of_the_corrected_test_by_hand() -> None:
    # differences 1..5: mean 3, variance 2.5, ratio 1/2: error sqrt(2.5 x 0.7) = 1.32288, t = 2.26779, df 4
    test = corrected_t([1.0, 2.0, 3.0, 4.0, 5.0], 0.5)
    assert test.t == pytest.approx(2.267787, abs=1e-6)
    assert test.p == pytest.approx(0.085937, abs=2e-5)


def test_differences_without_spread() -> None:
    assert corrected_t([0.0] * 5, 0.5).p == 1.0
    assert corrected_t([0.25] * 5, 0.5).p == 0.0


def test_fewer_than_five_seeds_are_not_ranked() -> None:
    with pytest.raises(NotApplicable, match="not ranked: 4 paired seeds"):
        corrected_t([1.0] * 4, 0.5)
    with pytest.raises(NotApplicable, match="not ranked"):
        tost([1.0] * 4, 0.1, 0.5)


def test_holm_steps_down_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_equivalence_needs_a_margin_wider_than_the_uncertainty() -> None:
    d = [0.004, -0.003, 0.001, 0.002, -0.004, 0.0, 0.003, -0.002]
    assert tost(d, 0.02, 0.5).equivalent
    assert not tost(d, 0.001, 0.5).equivalent
    assert not tost([value + 0.05 for value in d], 0.02, 0.5).equivalent
    error = np.std(d, ddof=1) * math.sqrt(1 / 8 + 0.5)
    low, high = ((0.02 + sign * np.mean(d)) / error for sign in (1, -1))
    assert tost(d, 0.02, 0.5).p == pytest.approx(max(scipy_stats.t.sf(low, 7), scipy_stats.t.sf(high, 7)), rel=1e-10)
    with pytest.raises(ValueError, match="positive"):
        tost(d, 0.0, 0.5)


def test_the_detectable_difference_is_found_with_the_stated_power() -> None:
    rng = np.random.default_rng(0)
    k, least = 8, detectable(1.0, 8, 0.0)
    found = [corrected_t(list(rng.normal(least, 1.0, k)), 0.0).p < 0.05 for _ in range(2000)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)
    # a textbook number: paired t, n = 8, power .8: d = 1.155 (G*Power)
    assert least == pytest.approx(1.155, abs=0.005)


def test_power_grows_with_seeds_and_shrinks_with_shared_patients() -> None:
    assert detectable(1.0, 10, 0.5) < detectable(1.0, 5, 0.5)
    assert detectable(1.0, 5, 0.5) > detectable(1.0, 5, 0.0)
    assert detectable(0.0, 5, 0.5) == 0.0
    assert detectable(1.0, 1, 0.5) == math.inf


def test_the_corrected_test_keeps_its_level_where_seeds_share_patients_and_the_plain_one_does_not() -> None:
    rng = np.random.default_rng(1)
    rejected = {0.0: 0, 0.5: 0}
    for _ in range(1000):
        shared = rng.normal(
            0, math.sqrt(1 / 3)
        )  # correlation n_H / (n_T + n_H) = 1/3 between resamples: what the ratio 1/2 corrects
        d = list(shared + rng.normal(0, math.sqrt(2 / 3), 6))
        for ratio in rejected:
            rejected[ratio] += corrected_t(d, ratio).p < 0.05
    assert rejected[0.5] / 1000 == pytest.approx(0.05, abs=0.025)
    assert rejected[0.0] / 1000 > 0.2


def test_ranks_across_datasets_need_six() -> None:
    with pytest.raises(NotApplicable, match="5 of them, at least 6"):
        wilcoxon([0.1] * 5)
    assert wilcoxon([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) == pytest.approx(2 / 2**6)
    assert wilcoxon([0.0] * 6) == 1.0
    values = [[0.9, 0.5, 0.1]] * 6
    assert friedman(values) == pytest.approx(scipy_stats.chi2.sf(12.0, 2))
    with pytest.raises(NotApplicable, match="at least 3 methods"):
        friedman([[1.0, 2.0]] * 6)


def test_the_bootstrap_draws_patients_not_records() -> None:
    rng = np.random.default_rng(2)
    effect = rng.normal(size=40)
    patient = np.repeat(np.arange(40), 25)
    values = effect[patient] + 0.01 * rng.normal(size=1000)
    low, high = bootstrap(lambda rows: float(values[rows].mean()), patient, seed=3, draws=500)
    by_patient = 1.96 * effect.std(ddof=1) / math.sqrt(40)
    assert (high - low) / 2 == pytest.approx(by_patient, rel=0.15)
    assert bootstrap(lambda rows: float(values[rows].mean()), patient, seed=3, draws=500) == (low, high)


def test_the_pareto_front_keeps_what_nothing_dominates() -> None:
    points = [(0.9, 100.0), (0.8, 50.0), (0.8, 60.0), (0.7, 200.0), (0.9, 100.0), (math.nan, 1.0)]
    assert pareto(points, (True, False)) == [True, True, False, False, True, False]
    assert pareto([], (True,)) == []
