"""The panel of faults: worst silo and loss against the same method unharmed, seed by seed."""

import dataclasses

import pytest

from fpmg_bench.report.federation import faults
from fpmg_bench.report.measures import RG, TSTR

from .small_view import rows, small

CRASH = {"kind": "crash", "silos": 1, "since": 5, "until": None, "stage": 2, "params": {}}
TOLD = {"struck": [CRASH | {"silos": ["a"], "heal": {"rounds": None, "reason": "it lasts to the end"}}], "excluded": {"a": "crashed in round 5"}, "missed": {"a": 3}, "lost": 2}  # fmt: skip


@pytest.fixture
def seen():
    found = [
        *rows("clean", "tstr", [0.90, 0.60]),
        *rows("struck", "tstr", [0.85, 0.70]),  # of silos b and c: a has crashed
        *rows("struck", "tstr", [0.80, 0.75], "silo:b"),
        *rows("struck", "tstr", [0.90, 0.65], "silo:c"),
        *rows("clean", "tstr", [0.90, 0.20], "silo:a"),
        *rows("clean", "tstr", [0.90, 0.80], "silo:b"),
        *rows("clean", "tstr", [0.90, 0.80], "silo:c"),
        *rows("clean", "rg", [1.0, 1.0]),
        *rows("struck", "rg", [2.0, 0.5]),
    ]
    view, group = small(found, seeds=2)
    faulted = group.methods[1]
    spec, record = faulted.spec | {"faults": [CRASH]}, {"faults": TOLD}
    trials = tuple(dataclasses.replace(trial, spec=spec, record=dict(trial.record) | record) for trial in faulted.trials)
    group = dataclasses.replace(group, methods=[group.methods[0], dataclasses.replace(faulted, trials=trials)])
    return dataclasses.replace(view, groups=[group]), group


def test_the_worst_silo_is_found_seed_by_seed(seen):
    view, group = seen
    assert faults.worst_silo(view, group, group.methods[1], TSTR).mean == pytest.approx((0.80 + 0.65) / 2)
    assert faults.by_silo(view, group, RG) == []


def test_what_was_lost_is_paired_with_the_method_that_differs_in_its_faults_alone(seen):
    view, group = seen
    clean, faulted = group.methods
    assert faults.unharmed(group, faulted) is clean
    (table,) = faults.panel(view).blocks
    (row,) = table.rows
    said = dict(zip([head.label for head in table.heads], row.cells, strict=True))
    assert said["TSTR lost"].sort == pytest.approx(0.075)
    assert said["RG lost"].sort == pytest.approx(0.6931, abs=1e-3)  # |ln 2| and |ln 1/2|: beyond the ideal on either side
    assert said["struck by"].text == "crash of 1 silo from round 5"
    assert (said["left out"].text, said["missed"].text, said["lost"].text) == ("1", "3", "2")
    assert said["to heal"].text == "not applicable" and "it lasts to the end" in said["to heal"].why


def test_without_faults_there_is_no_panel():
    assert faults.panel(small(rows("clean", "tstr", [0.9]))[0]) is None
