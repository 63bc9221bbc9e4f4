"""Orders of methods in several spaces."""

import pytest

from fpmg_bench.report.quality.sensitivity import _changes, tau


def test_tau_is_one_for_the_same_order_and_minus_one_for_the_reverse():
    assert tau([0.1, 0.2, 0.3], [1.0, 2.0, 9.0]) == pytest.approx(1.0)
    assert tau([0.1, 0.2, 0.3], [3.0, 2.0, 1.0]) == pytest.approx(-1.0)


def test_pairs_that_change_places_are_named():
    before, after = {"a": 0.1, "b": 0.2, "c": 0.3}, {"a": 0.2, "b": 0.1, "c": 0.3}
    assert _changes(before, after, list(before)) == "change places: a and b"
    assert _changes(before, before, list(before)) == "the order stays"
