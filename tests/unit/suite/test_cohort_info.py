"""What planning keeps of a cohort: counts and schemas that survive JSON, and no rows."""

from __future__ import annotations

import json

import numpy as np

from fpmg_bench.suite import CohortInfo, describe
from fpmg_bench.types import Cohort, Column, Schema, Text

CANARY = "canary 5417"


class Wards:
    licence = "CC0"
    publishable = False

    def fingerprint(self) -> str:
        return "f"


def wards() -> Cohort:
    """Five records of four patients in two sites; one note is missing."""
    label = Column("label", "category", ("well", "ill", "worse"))
    return Cohort(
        {"notes": Schema("text", shape=(80,))},
        {"notes": Text((CANARY,) * 5)},
        {"notes": np.array([True, True, False, True, True])},
        (label, Column("age", "number", low=0.0, high=100.0)),
        np.array([[0, 54.17], [1, 3], [1, 4], [0, 5], [1, 6.0]]),
        np.array([9, 9, 4, 5, 6]),
        np.array([0, 0, 1, 1, 1]),
        ("north", "south"),
        frozenset({"notes"}),
        {"no label": 2},
    )


def test_counts_are_of_records_and_of_patients():
    info = describe("wards", Wards(), wards())
    assert (info.n, info.patients, info.label_counts, info.classes) == (5, 4, (2, 3, 0), ("well", "ill", "worse"))
    assert info.present == {"notes": 4}
    assert [(silo.name, silo.records, silo.patients, silo.label_counts, silo.present) for silo in info.silos] == [
        ("north", 2, 1, (1, 1, 0), {"notes": 2}),
        ("south", 3, 3, (1, 2, 0), {"notes": 2}),
    ]
    assert (info.leaks, info.licence, info.publishable, info.dropped) == (("notes",), "CC0", False, {"no label": 2})


def test_it_survives_json_and_holds_no_row():
    info = describe("wards", Wards(), wards())
    text = json.dumps(info.as_json())
    assert CohortInfo.from_json(json.loads(text)) == info
    assert CANARY not in text
    assert "54.17" not in text
