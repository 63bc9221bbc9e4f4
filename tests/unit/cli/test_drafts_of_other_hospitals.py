"""Drafts of tables as they are published or written elsewhere: long labs in four columns, a time to an event, German words."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fpmg_bench.cohorts.draft import draft
from fpmg_bench.cohorts.draft.numbers import outward
from fpmg_bench.cohorts.draft.reading import find_table
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice

N = 60


@pytest.mark.parametrize("columns", ["id,days,test,value", "Fall,Zeitpunkt,Parameter,Messwert"])
def test_long_labs_are_a_series_and_not_the_table_of_records(columns: str, tmp_path: Path) -> None:
    """As nafld2 of R's survival: they were taken for the records, and the patients joined to them."""
    key = columns.partition(",")[0]
    people = "".join(f"{at},{20 + at},{at % 2}\n" for at in range(N))
    (tmp_path / "patients.csv").write_text(f"{key},age,status\n{people}")
    rows = "".join(f"{at},{day},{test},{at + day / 7:.1f}\n" for at in range(N) for day in range(3) for test in ("hdl", "chol"))
    (tmp_path / "labs.csv").write_text(f"{columns}\n{rows}")
    assert find_table(tmp_path).name == "patients.csv"
    text = draft(tmp_path / "patients.csv", patient=key)
    assert "kind: series" in text and '"name": "chol"' in text and "labs.csv is not read" not in text


def test_a_time_beside_an_event_is_asked_for_and_loads_as_it_says(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": range(N), "age": np.arange(N) + 20, "status": np.arange(N) % 2, "futime": np.arange(N) * 7 + 1})
    frame.to_csv(tmp_path / "p.csv", index=False)
    text = draft(tmp_path / "p.csv")
    moved = '  - {"name": "futime", "low": 1.0, "high": 414.0, "step": 1.0}\n'
    assert f"  # {moved[2:]}" in text and f"    {moved}" in text
    label = 'label: {"event": "status", "time": "futime"}'
    assert label in text
    text = text.replace(f"    {moved}", "").replace(f"  # {moved[2:]}", moved).replace("conditions:", f"{label}\nconditions:", 1)
    (tmp_path / "cohort.yaml").write_text(text)
    cohort = Registry.discover().build("dataset", Choice("folder", {"root": str(tmp_path)})).load()
    assert cohort.conditions[0].stands_for == "event" and np.array_equal(cohort.condition[:, 1], frame["futime"])


def test_german_words_are_understood(tmp_path: Path) -> None:
    rows = "".join(f"P{at};{'Köln' if at % 3 else 'Bonn'};{'ja' if at % 2 else 'nein'}\n" for at in range(N))
    (tmp_path / "p.csv").write_text(f"Patientennummer;Klinik;Verstorben\n{rows}")
    text = draft(tmp_path / "p.csv")
    assert 'patient: "Patientennummer"' in text and 'silo: {column: "Klinik"' in text
    assert '{"name": "Verstorben", "type": "flag", "map": {"ja": 1, "nein": 0}}' in text


def test_sentences_are_text_however_few_there_are(tmp_path: Path) -> None:
    said = (
        "No focal opacity, no effusion, and the heart is of normal size.",
        "Opacity of the right lower lobe, most likely pneumonia.  ",
    )
    pd.DataFrame({"id": range(N), "y": np.arange(N) % 2, "note": [said[at % 2] for at in range(N)]}).to_csv(tmp_path / "p.csv")
    text = draft(tmp_path / "p.csv", label="y")
    assert '"note": {kind: text' in text and "No focal" not in text


def test_a_range_does_not_hold_a_patients_value_to_the_last_digit() -> None:
    assert outward(15.448485937022136, 64.20578415793372) == (15.4, 64.3)
    assert outward(-1234567.8, 7654321.9) == (-1240000.0, 7660000.0)
    low, high = outward(1e-5 / 3, 2e-5 / 3)
    assert low <= 1e-5 / 3 and high >= 2e-5 / 3 and math.isclose(low, 1e-5 / 3, rel_tol=0.01)
    assert outward(3.3, 3.3) == (3.3, 3.3)
