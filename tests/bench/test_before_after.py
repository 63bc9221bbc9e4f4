"""The table of two runs: a stage that only one of them has, and the ratio of the whole."""

from before_after import table


def test_stages_of_either_run_stand_beside_each_other():
    old = {"trials": {"ok": 2}, "kind": "wall", "seconds": {"load": 2.0, "stage1": 10.0}, "total": 30.0, "costs": {}}
    new = {"trials": {"ok": 2}, "kind": "cpu", "seconds": {"stage1": 8.0, "sample": 1.0}, "total": 15.0, "costs": {}}
    assert table(old, new).splitlines() == [
        "trials: {'ok': 2} before, {'ok': 2} after; stages in wall and cpu seconds",
        "",
        "| stage | before | after | after / before |",
        "|---|---:|---:|---:|",
        "| load | 2.0 | 0.0 | 0.00 |",
        "| stage1 | 10.0 | 8.0 | 0.80 |",
        "| sample | 0.0 | 1.0 | - |",
        "| whole run | 30.0 | 15.0 | 0.50 |",
    ]
