"""The whole metric set on 10,000 x 30 tables with 1,000 images, and a nearest-neighbour pass of 30,000: seconds and peak memory."""

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")


def test_every_metric_on_ten_thousand_records(measured, measuring, bar):
    found = measured("metric_set", "every_metric", 10_000 if measuring else 180)
    assert found["scores"].keys() == found["seconds"].keys() - {"space"}
    assert all(found["scores"][name] for name in ("rg", "pg", "membership", "inference", "tstr", "c2st", "sdmetrics-quality"))
    bar("seconds of all", sum(found["seconds"].values()), 60)
    bar("peak, GiB", found["gib"], 4)


def test_nearest_neighbours_of_thirty_thousand(measured, measuring, bar):
    found = measured("metric_set", "neighbours", 30_000 if measuring else 500)
    assert found["right"]
    bar("seconds", found["seconds"], 60)
    bar("peak, GiB", found["gib"], 2)
