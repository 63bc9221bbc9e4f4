"""Merging at size, in processor seconds of one core: every rule alone, and a long relay of many silos."""

import pytest


def test_every_rule_merges_sixteen_models_of_five_million(measured, measuring, bar):
    """Below 2 seconds and 1.5 GiB, models included."""
    found = measured("merging", 5_000_000 if measuring else 1_000)
    assert len(found["seconds"]) >= 12
    assert found["odd"] == []
    slowest = max(found["seconds"], key=found["seconds"].get)
    bar(f"seconds of {slowest}, the slowest", found["seconds"][slowest], 2)
    bar("peak, GiB", found["peak"] / 2**30, 1.5)


@pytest.mark.parametrize("rule", ["mean", "centered-clipping"])
def test_a_relay_of_sixty_four_silos_with_a_million_parameters(measured, measuring, bar, rule):
    """Fifty rounds in two minutes and bounded memory."""
    found = measured("relay_rounds", rule, *((50, 1_000_000) if measuring else (4, 1_000)))
    assert found["merged"] == 64
    bar("processor seconds of 50 rounds", found["seconds"], 120)
    bar("held, GiB", found["held"] / 2**30, 1.25)  # five times all models; what importing torch takes differs by machine
    bar("grown in the second half, MiB", found["grown"] / 2**20, 64)  # a model a round is 100 MB in 25


pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")
