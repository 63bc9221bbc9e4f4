"""Where a run's processor time went."""

from __future__ import annotations

import pytest

from fpmg_bench.store.shares import REST, USEFUL, shares, useful

TRIALS = [
    {"cpu": {"stage1": 4.0, "stage2": 2.0, "sample": 0.5, "measure": 1.0, "load": 0.5}, "cpu_seconds": 9.0},
    {"cpu": {"stage2": 2.0, "measure": 1.0}, "cpu_seconds": 3.5},
]
COSTS = {"calls": [{"cpu": {"runner": 3.0, "zygote": 2.0}}, {"cpu": {"runner": 1.0, "scenes": 0.5}}]}


def test_every_second_is_counted_once() -> None:
    found = shares(TRIALS, COSTS)
    assert sum(share.seconds for share in found) == pytest.approx(9.0 + 3.5 + 6.5)
    seconds = {share.what: share.seconds for share in found}
    assert (seconds[USEFUL[0]], seconds[USEFUL[1]], seconds[REST]) == (4.0, 4.0, pytest.approx(1.5))
    assert useful(found) == pytest.approx((4.0 + 4.0 + 0.5 + 2.0) / 19.0)
    assert [share.seconds for share in found] == sorted(seconds.values(), reverse=True)


def test_trials_of_earlier_versions_say_nothing() -> None:
    assert shares([{"cpu_seconds": 9.0}], COSTS) == []
