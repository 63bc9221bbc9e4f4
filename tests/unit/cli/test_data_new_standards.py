"""OMOP tables and FHIR resources of made-up persons: what they become, and that all that is not taken is counted."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fpmg_bench.cohorts.standards import convert, mapping_of, recognised, shipped
from fpmg_bench.errors import DatasetError
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice
from fpmg_bench.types import Cohort

N = 24
PEOPLE = [str(1000 + at) for at in range(N)]


def load(folder: Path) -> Cohort:
    return Registry.discover().build("dataset", Choice("folder", {"root": str(folder)})).load()


def omop(folder: Path) -> Path:
    """24 persons: heart rates in two rows each, glucose in two units, conditions, notes, a third of them dead."""
    folder.mkdir()
    pd.DataFrame(
        {
            "person_id": PEOPLE, "gender_concept_id": ["8507", "8532"] * (N // 2), "year_of_birth": range(1940, 1940 + N),
            "race_concept_id": 0, "care_site_id": ["1", "2", "3"] * (N // 3), "ethnicity_concept_id": 0,
        }
    ).to_csv(folder / "person.csv", index=False)  # fmt: skip
    rows = [(person, 3027018, f"2020-01-0{day} 10:00:00", 60 + at + day, "8541") for at, person in enumerate(PEOPLE) for day in (1, 2)]  # fmt: skip
    rows += [(person, 3004501, "2020-01-01 11:00:00", (90 + at) / (18 if at % 2 else 1), "8753" if at % 2 else "8840") for at, person in enumerate(PEOPLE)]  # fmt: skip
    rows += [("1000", 3027018, None, 80, "8541"), ("1000", 3027018, "2020-01-01 12:00:00", None, "8541"), ("9", 3027018, "2020-01-01 12:00:00", 80, "8541")]  # fmt: skip
    names = ["person_id", "measurement_concept_id", "measurement_datetime", "value_as_number", "unit_concept_id"]
    pd.DataFrame(rows, columns=names).to_parquet(folder / "measurement.parquet")
    pd.DataFrame(
        {
            "person_id": PEOPLE,
            "condition_concept_id": ["201826", "320128", "255573"] * (N // 3),
            "condition_start_date": "2019-12-31",
        }
    ).to_csv(folder / "condition_occurrence.csv", index=False)
    pd.DataFrame({"person_id": PEOPLE[::3], "death_date": "2020-02-02"}).to_csv(folder / "death.csv", index=False)
    notes = [(person, f"2020-01-0{2 - part}", f"note {part} of a stay: Größe {at}, kein Fieber") for at, person in enumerate(PEOPLE) for part in (0, 1)]  # fmt: skip
    pd.DataFrame(notes, columns=["person_id", "note_date", "note_text"]).to_csv(folder / "note.csv", index=False)
    concepts = [("3027018", "Heart rate"), ("3004501", "Glucose"), ("8541", "per minute"), ("8840", "mg/dL"), ("8753", "mmol/L"), ("201826", "Diabetes")]  # fmt: skip
    pd.DataFrame(concepts, columns=["concept_id", "concept_name"]).to_csv(folder / "CONCEPT.csv", index=False, sep="\t")
    pd.DataFrame({"visit_occurrence_id": range(5)}).to_csv(folder / "visit_occurrence.csv", index=False)
    return folder


def fhir(folder: Path) -> Path:
    """The same in resources: two rates each, a blood pressure in components, conditions, reports."""
    folder.mkdir()
    code = lambda word, text: {"coding": [{"system": "http://loinc.org", "code": word, "display": text}]}  # noqa: E731
    quantity = lambda value, unit: {"value": value, "unit": unit}  # noqa: E731
    patients, observations, others = [], [], []
    for at, person in enumerate(PEOPLE):
        about = {"subject": {"reference": f"Patient/{person}"}, "effectiveDateTime": "2020-01-01T10:00:00+02:00"}
        dead = {"deceasedDateTime": "2020-02-02"} if at % 3 == 0 else {"deceasedBoolean": False}
        patients.append({"resourceType": "Patient", "id": person, "gender": "male", "birthDate": f"{1940 + at}-05", "name": [{"family": "Made"}]} | dead)  # fmt: skip
        for hour in (10, 12):
            observations.append({"resourceType": "Observation", "code": code("8867-4", "Heart rate"), "valueQuantity": quantity(60 + at + hour, "/min")} | about | {"effectiveDateTime": f"2020-01-01T{hour}:00:00Z"})  # fmt: skip
        parts = [{"code": code("8480-6", "Systolic"), "valueQuantity": quantity(120 + at, "mm[Hg]")}, {"code": code("8462-4", "Diastolic"), "valueQuantity": quantity(80 + at, "mm[Hg]")}]  # fmt: skip
        observations.append(
            {"resourceType": "Observation", "code": code("85354-9", "Blood pressure"), "component": parts} | about
        )
        others.append({"resourceType": "Condition", "code": code(["E11", "I10"][at % 2], "x"), "subject": about["subject"]})
        data = base64.b64encode(f"Lunge frei, kein Erguss, kein Infiltrat, Patient {at}".encode()).decode()
        others.append({"resourceType": "DiagnosticReport", "presentedForm": [{"data": data}]} | about)
    others.append({"resourceType": "DiagnosticReport", "presentedForm": [{"data": "/////w=="}]} | about)
    others.append({"resourceType": "Encounter", "id": "e"})
    for name, resources in (("Patient", patients), ("Observation.000", observations), ("others", others)):
        (folder / f"{name}.ndjson").write_text("".join(json.dumps(each) + "\n" for each in resources))
    return folder


def test_an_omop_folder_becomes_a_cohort(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    folder = omop(tmp_path / "cdm")
    assert recognised(folder) == "omop" and exit_code("data", "new", str(folder)) == 0
    said = capsys.readouterr().out
    made = tmp_path / "cdm-cohort"
    text = (made / "cohort.yaml").read_text()
    assert "FILL IN" not in text.partition("\n")[2] and 'patient: "person_id"' in text, text
    cohort = load(made)
    assert len(cohort) == N and cohort.label.sum() == N // 3 and cohort.conditions[0].name == "died"
    table = cohort.data["table"].frame
    assert table["age"].tolist() == [79 - at for at in range(N)] and set(table["sex"]) == {"male", "female"}
    assert table["condition: Diabetes"].tolist() == [1.0, 0.0, 0.0] * (N // 3)
    series = cohort.data["measurements"]
    names = [column.name for column in cohort.schemas["measurements"].columns]
    assert names == ["Heart rate", "Glucose [mg/dL]", "Glucose [mmol/L]"]
    assert series.values[3][series.seen[3][:, 0], 0].tolist() == [64, 65] and series.seen[:, :, 1].any(axis=1).sum() == N // 2
    assert cohort.data["note"].strings[2] == "note 1 of a stay: Größe 2, kein Fieber\n\nnote 0 of a stay: Größe 2, kein Fieber"
    for words in (
        "rows of measurement without a number", "rows of measurement without a time", "rows of measurement of nobody in person",
        "rows of visit_occurrence, which the mapping does not take", "columns of person that the mapping does not take: ethnicity_concept_id",
        "texts of note joined",
    ):  # fmt: skip
        assert words in " ".join(said.split())


def test_fhir_resources_become_a_cohort(tmp_path: Path, exit_code: Any) -> None:
    folder = fhir(tmp_path / "bulk")
    assert recognised(folder) == "fhir" and exit_code("data", "new", str(folder), "--to", str(tmp_path / "made")) == 0
    cohort = load(tmp_path / "made")
    assert len(cohort) == N and cohort.label.sum() == N // 3
    assert {"age", "condition: x (E11)", "condition: x (I10)"} <= set(cohort.data["table"].frame.columns)
    series = cohort.data["measurements"]
    assert [column.name for column in cohort.schemas["measurements"].columns] == ["Heart rate", "Diastolic", "Systolic"]
    assert [float(series.values[4][series.seen[4][:, at], at][0]) for at in range(3)] == [74, 84, 124]
    assert cohort.data["report"].strings[7] == "Lunge frei, kein Erguss, kein Infiltrat, Patient 7"
    assert cohort.dropped == {"columns of manifest.csv that are not used": 1}  # all are male


def test_what_is_not_taken_of_fhir_is_counted(tmp_path: Path) -> None:
    folder = fhir(tmp_path / "bulk")
    lost = convert(folder, mapping_of(shipped("fhir")), tmp_path / "made", shipped("fhir"))
    assert lost == {
        "rows of Observation without a number of their own (words, codes, or components, which are read apart)": N,
        "attachments of DiagnosticReport that are no text (pictures, PDF)": 1,
        "rows of Encounter, which the mapping does not take": 1,
        "columns of Patient that the mapping does not take: name": 1,
    }


def test_a_mapping_of_ones_own_is_followed_and_kept(tmp_path: Path, exit_code: Any) -> None:
    folder = omop(tmp_path / "cdm")
    mine = tmp_path / "mine.yaml"
    mine.write_text("standard: omop\npersons: {table: person, id: person_id, columns: {hospital: care_site_id}}\nflags: [{table: death, person: person_id, name: dead}]\n")  # fmt: skip
    assert exit_code("data", "new", str(folder), "--mapping", str(mine), "--to", str(tmp_path / "made")) == 0
    assert (tmp_path / "made/mapping.yaml").read_text() == mine.read_text()
    frame = pd.read_csv(tmp_path / "made/manifest.csv")
    assert frame.columns.tolist() == ["person_id", "hospital", "dead"] and frame["dead"].sum() == N // 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("standard: omop\npersons: {table: person}\n", "mapping.yaml:2:10: persons.id: Field required"),
        ("standard: cdisc\npersons: {table: person, id: x}\n", "mapping.yaml:1:11: standard: Input should be 'omop' or 'fhir'"),
        ("standard: omop\npersons: {table: person, id: persn_id}\n", "no column persn_id, for the person_id. Did you mean 'person_id'?"),
        ("standard: omop\npersons: {table: person, id: person_id}\nflags: [{table: death, person: person_id}]\n", "give either code"),
        ("standard: fhir\npersons: {table: Patient, id: id}\n", "maps fhir, but"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_located(text: str, words: str, tmp_path: Path, capsys: Any, exit_code: Any) -> None:
    folder = omop(tmp_path / "cdm")
    (tmp_path / "mapping.yaml").write_text(text)
    assert exit_code("data", "new", str(folder), "--mapping", str(tmp_path / "mapping.yaml")) != 0
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "cdm-cohort").exists()


def test_what_is_neither_is_left_to_the_draft(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    assert recognised(tmp_path) is None
    assert exit_code("data", "new", str(tmp_path), "--to", str(tmp_path / "x")) != 0
    assert "neither OMOP tables nor FHIR resources" in capsys.readouterr().err


def test_a_line_that_is_no_json_is_located(tmp_path: Path) -> None:
    folder = fhir(tmp_path / "bulk")
    with (folder / "others.ndjson").open("a") as stream:
        stream.write('{"resourceType": "Condition"\n')
    with pytest.raises(DatasetError, match=r"others.ndjson:51: no JSON object"):
        convert(folder, mapping_of(shipped("fhir")), tmp_path / "made", shipped("fhir"))
    assert not (tmp_path / "made").exists() and np.size(folder)
