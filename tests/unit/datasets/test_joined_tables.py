"""Several tables beside the manifest: one row a record, found by a key; what finds no place is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from fpmg_plugins.datasets.folder import Folder

from fpmg_bench.errors import DatasetError

COHORT = """\
version: 1
licence: CC0-1.0
manifest: stays.csv
record: stay
patient: person
min_class_patients: 0
tables:
  - {file: people.csv, key: person, separator: ";", decimal: ","}
  - {file: labs.csv, key: stay, on: stay_no, prefix: "lab "}
conditions: [{name: died, type: flag}]
modalities:
  table:
    kind: table
    columns:
      - {name: weight, low: 0, high: 300}
      - {name: lab crp, low: 0, high: 500}
      - {name: height, low: 0, high: 3}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stays.csv").write_text("stay,person,died,weight\ns1,a,0,70\ns2,a,1,71\ns3,b,0,80\ns4,c,1,\n")
    (tmp_path / "people.csv").write_text("person;height\na;1,7\nb;1,8\nz;1,9\n")
    (tmp_path / "labs.csv").write_text("stay_no,crp,weight\ns2,5,1\ns1,4,1\ns9,3,1\n")
    (tmp_path / "cohort.yaml").write_text(COHORT)
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))


def test_columns_come_from_each_table_by_its_key(folder: Path) -> None:
    cohort = Folder(root=str(folder)).load()
    frame = cohort.data["table"].frame.astype(object).where(lambda cells: cells.notna(), None)
    assert frame.to_numpy().tolist() == [[70, 4, 1.7], [71, 5, 1.7], [80, None, 1.8], [None, None, None]]
    assert cohort.dropped == {
        "rows of people.csv whose person is in no record": 1,
        "records without a row in people.csv": 1,
        "rows of labs.csv whose stay_no is in no record": 1,
        "records without a row in labs.csv": 2,
        "columns of stays.csv that are not used": 1,
    }


def test_a_cell_of_another_table_is_named_there(folder: Path) -> None:
    change(folder / "labs.csv", "s1,4", "s1,high")
    with pytest.raises(DatasetError, match=r"labs\.csv:3: column 'lab crp': not a number"):
        Folder(root=str(folder)).load()


def test_a_second_row_of_a_key_is_refused_or_counted(folder: Path) -> None:
    change(folder / "labs.csv", "s9,3", "s1,6")
    with pytest.raises(DatasetError, match=r"labs\.csv:4: column 'stay_no': a second row of one key.*repeated: first"):
        Folder(root=str(folder)).load()
    for which, value in (("first", 4), ("last", 6)):
        text = (folder / "cohort.yaml").read_text()
        change(folder / "cohort.yaml", 'prefix: "lab "', f'prefix: "lab ", repeated: {which}')
        cohort = Folder(root=str(folder)).load()
        assert cohort.data["table"].frame["lab crp"][0] == value
        assert cohort.dropped[f"rows of labs.csv beside the {which} of their key"] == 1
        (folder / "cohort.yaml").write_text(text)


def test_columns_of_one_name_ask_for_a_prefix(folder: Path) -> None:
    change(folder / "cohort.yaml", ', prefix: "lab "', "")
    with pytest.raises(DatasetError, match=r"column 'weight' is in stays\.csv and in labs\.csv.*declare `prefix: \"labs \"`"):
        Folder(root=str(folder)).load()


def test_the_fingerprint_changes_with_a_joined_table(folder: Path) -> None:
    before = Folder(root=str(folder)).fingerprint()
    change(folder / "labs.csv", "s1,4", "s1,5")
    assert Folder(root=str(folder)).fingerprint() != before


def test_a_joined_table_stays_below_the_root(folder: Path) -> None:
    change(folder / "cohort.yaml", "file: labs.csv", "file: ../labs.csv")
    with pytest.raises(DatasetError, match="leads out of"):
        Folder(root=str(folder)).load()
