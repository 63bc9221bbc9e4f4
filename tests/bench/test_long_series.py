"""A long table of two million rows with timestamps: what reading it costs."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peaks are read in /proc")
def test_a_long_table(measured, measuring, bar):
    rows = 2_000_000 if measuring else 20_000
    found = measured("long_series", rows)
    assert found["seen"] <= rows <= found["seen"] + found["averaged"]
    bar("CPU seconds of 2,000,000 rows", found["cpu"], 60)
    bar("GiB at most", found["peak"] / 1024, 2)
