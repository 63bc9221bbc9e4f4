"""What a trial says that it took, where another process of it trained."""

from __future__ import annotations

import time

import pytest

from fpmg_bench.trial.cost import Clock, cost


def test_a_measurer_adds_what_the_trainer_took() -> None:
    trained = {
        "seconds": {"stage2": 20.0, "total": 21.0},
        "cpu": {"stage2": 19.0},
        "cpu_seconds": 20.0,
        "peak_rss_bytes": 1 << 60,
    }
    clock = Clock(before=trained)
    with clock("measure"):
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
    clock.add("sample", 3.0)
    found = cost(clock)
    assert found["seconds"]["stage2"] == 20.0 and found["seconds"]["total"] > 21.0
    assert found["cpu"]["stage2"] == 19.0 and found["cpu"]["sample"] == 3.0 and found["cpu"]["measure"] >= 0.02
    assert found["cpu_seconds"] >= 23.02
    assert found["peak_rss_bytes"] == 1 << 60
    assert 0 <= found["shared_rss_bytes"] <= found["peak_rss_bytes"]


def test_a_step_done_in_both_is_added_up() -> None:
    clock = Clock(before={"seconds": {"load": 1.0}, "cpu": {"load": 0.5}})
    clock.seconds["load"], clock.cpu["load"] = 2.0, 1.5
    found = cost(clock)
    assert (found["seconds"]["load"], found["cpu"]["load"]) == (3.0, 2.0)
    assert found["seconds"]["total"] == pytest.approx(0.0, abs=60.0)
