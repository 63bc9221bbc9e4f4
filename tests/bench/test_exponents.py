"""Exponents of a known power law are that power, and a run's seconds are read by stage."""

import pytest
from exponents import _row


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_power_law_has_its_power(power):
    row = _row("patients", "star", "load", {size: 0.01 * size**power for size in (1000, 10_000, 100_000)})
    assert row["exponent"] == pytest.approx(power)
    assert row["last"] == pytest.approx(power)
    assert row["residual"] < 1e-9


def test_what_costs_the_same_at_any_size_shows_in_the_residual_and_not_between_the_largest():
    row = _row("patients", "star", "load", {size: 5.0 + 0.001 * size for size in (1000, 10_000, 100_000, 1_000_000)})
    assert row["exponent"] < 0.8
    assert row["last"] > 0.95
    assert row["residual"] > 0.3
