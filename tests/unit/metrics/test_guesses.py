"""Risks and intervals against published formulas; columns, secrets and predicates on patients whose answer is known."""

import numpy as np
import pytest
from fpmg_plugins.metrics.privacy.inference import attribute, guesses, singling_out
from fpmg_plugins.metrics.privacy.inference.columns import Columns, blocks, columns_of, joined, ranks
from scipy.stats import binomtest, rankdata

from fpmg_bench.testing import fakes
from fpmg_bench.types import Column

NUMBER, CATEGORY, FLAG = Column("x", "number"), Column("c", "category", ("a", "b", "z")), Column("f", "flag")


def columns(*values, of=(NUMBER, CATEGORY, FLAG)):
    matrix = np.array(values, float)
    return Columns(of, matrix, np.arange(len(matrix)), np.zeros(len(matrix), int))


@pytest.mark.parametrize(("hits", "n"), [(0, 30), (7, 30), (30, 30)])
def test_wilson_equals_scipy(hits, n):
    centre, half = guesses.wilson(hits, n)
    wanted = binomtest(hits, n).proportion_ci(method="wilson")
    assert (centre - half, centre + half) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_risk_is_the_share_of_the_failures_that_the_release_turns_into_successes():
    found = guesses.risk("r", (60, 100), (20, 100))
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert guesses.risk("r", (100, 100), (0, 100)).high == 1.0


def test_intervals_of_no_risk_hold_it_as_often_as_they_say():
    rng = np.random.default_rng(0)
    found = [guesses.risk("r", (*rng.binomial(300, 0.3, 1), 300), (*rng.binomial(300, 0.3, 1), 300)) for _ in range(400)]
    assert np.mean([risk.low <= 0 <= risk.high for risk in found]) == pytest.approx(0.95, abs=0.03)


def test_ranks_are_mid_ranks():
    x = np.array([3.0, 1.0, 3.0, 9.0])
    np.testing.assert_allclose(ranks(x, x), (rankdata(x) - 0.5) / 4)
    assert np.isnan(ranks(np.array([np.nan]), x))[0]


def test_columns_are_those_of_the_table_and_the_conditions_that_are_no_column():
    cohort = fakes.cohort(30, 0, ("table", "text"))
    found = columns_of(cohort)
    assert [column.name for column in found.columns] == ["age", "lactate", "sex", "ward", "fever", "disease", "intubated"]
    np.testing.assert_array_equal(found.values[:, 5], cohort.label)
    np.testing.assert_array_equal(found.values[:, 2], (cohort.data["table"].frame["sex"] == "m").astype(float))


def test_two_categories_are_as_far_apart_as_two_flags():
    a, b = columns([0, 0, 0], [0, 2, 1]), columns([0, 0, 0])
    parts = blocks(a, b)
    assert np.linalg.norm(parts[1][0] - parts[1][1]) == pytest.approx(1.0)
    assert np.linalg.norm(parts[2][0] - parts[2][1]) == pytest.approx(1.0)


def test_a_secret_is_that_of_the_nearest_record_in_the_other_columns():
    people = columns([0.0, 0, 0], [10.0, 1, 1], [20.0, np.nan, 1])
    donors = columns([0.1, 0, 0], [10.1, 1, 0], [20.0, 2, 1])
    right = attribute.guesses(people, donors, people)
    np.testing.assert_array_equal(right[:, 2], [1, 0, 1])  # the flag of the second is another one
    assert np.isnan(right[2, 1])  # an unknown truth is no guess


def test_a_number_is_right_within_five_percentile_ranks():
    people = columns(*([float(i), i % 3, 0] for i in range(100)))
    near = columns(*([float(i) + 4, i % 3, 0] for i in range(100)))
    guess = attribute._right(people, near.values[:, 0], people, 0)
    far = attribute._right(people, near.values[:, 0] + 3, people, 0)
    assert guess.mean() == 1.0
    assert far.mean() == pytest.approx(0.06, abs=0.02)  # only at the upper end


def test_predicates_isolate_the_record_they_were_made_of():
    people = columns(*([float(i), i % 3, i % 2] for i in range(50)), [99.0, 1, 1])
    extreme = [p for p in singling_out.of_columns(people, 500, np.random.default_rng(0)) if (0, ">=", 99.0) in p.terms]
    assert [p(people.values.T).tolist() for p in extreme] == [[50]]
    several = singling_out.of_records(people, 300, np.random.default_rng(0))
    assert singling_out.isolated(several, people.values.T) == len(several) > 20
    twice = joined([people, people])
    assert singling_out.of_records(twice, 300, np.random.default_rng(0)) == []


def test_a_value_that_nobody_released_is_asked_for_as_unknown():
    people = columns([np.nan, 0, 0], [1.0, 0, 0])
    assert singling_out.Predicate(((0, "=", np.nan),))(people.values.T).tolist() == [0]


def test_the_order_of_released_records_tells_nothing():
    people = columns(*([float(i % 7), i % 3, i % 2] for i in range(60)))
    moved = people.take(np.random.default_rng(0).permutation(60))
    np.testing.assert_array_equal(people.sorted().values, moved.sorted().values)
    assert len(joined([people, moved])) == 120
