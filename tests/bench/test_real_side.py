"""What a scene's second release saves of the metrics' CPU seconds, with the rows of a release alone."""

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")


def test_the_next_release_of_a_scene(measured, measuring, bar):
    found = measured("real_side", "phantom" if measuring else "phantom-200")
    assert found["same"]
    cold, warm = (sum(found[side].values()) for side in ("cold", "warm"))
    bar("CPU seconds, over those of the first release", warm / cold, 0.75)
