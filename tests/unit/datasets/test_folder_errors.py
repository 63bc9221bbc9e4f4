from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from folder_toys import change, make
from fpmg_plugins.datasets.folder import Folder
from PIL import Image

from fpmg_bench.errors import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "cohort")


def _error(folder: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        Folder(root=str(folder)).load()
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("patient: person", "patiennt: person", "cohort.yaml:5:1: patiennt: unknown key 'patiennt'. Did you mean 'patient'?"),
        ("licence: CC0-1.0\n", "", "cohort.yaml:1:1: the key 'licence' is missing"),
        ("version: 1", "version: 2", "cohort.yaml:1:1: version: Input should be 1"),
        ("steps: 3", 'steps: "3"', "cohort.yaml:23:5: modalities.vitals.steps: Input should be a valid integer"),
        ("kind: text", "kind: prose", "cohort.yaml:17:3: modalities.notes"),
        ("shape: [1, 8, 8]", "shape: [1, 8]", "modalities.image.shape"),
        ("low: 20, high: 200", "low: 20, high: 2", "low must be below high"),
        ("type: category, categories: [f, m]", "type: category", "categories belong to type category"),
        ("site}", "site, min_recrods: 2}", "cohort.yaml:6:22: silo.min_recrods: unknown key 'min_recrods'. Did you mean 'min_records'?"),
        ("patient: person", "patient: person\npatient: person", "cohort.yaml:6:1: duplicate key 'patient', first on line 5"),
        ("column: note", "column: notes", "cohort.yaml:17:3: modalities.notes: manifest.csv has no column 'notes'. Did you mean 'note'?"),
        ("manifest: manifest.csv", "manifest: other.csv", "other.csv: there is no such file"),
        ("  - {name: label", "  - {name: label, low: 1", "low, high, step and unit belong to type number"),
        ("[well, ill]", "[well, ill, gone]", "class 'gone' of 'label' is seen in 0 patients"),
        ("record: id\npatient", "patient", "a series needs the column that names each record"),
        ("version: 1", "version: [1", "cohort.yaml:"),
        ("silo:", "leaks: [sound]\nsilo:", "sound is no modality"),
    ],
)  # fmt: skip
def test_a_wrong_cohort_yaml_is_located(folder: Path, old: str, new: str, expected: str) -> None:
    change(folder, "cohort.yaml", old, new)
    assert expected in _error(folder)


def test_all_wrong_keys_are_told_at_once(folder: Path) -> None:
    change(folder, "cohort.yaml", "licence:", "license:")
    change(folder, "cohort.yaml", "steps: 3", "stepz: 3")
    message = _error(folder)
    assert "'license'" in message and "'stepz'" in message and "'licence' is missing" in message


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("r3,p2", "r1,p2", "manifest.csv:5: column 'id': the same record as in row 3"),
        ("r3,p2", "r3,", "manifest.csv:5: column 'person': empty"),
        ("r3,p2,south", "r3,p2,", "manifest.csv:5: column 'site': empty"),
        ("south,ill,33", "south,il,33", "manifest.csv:5: column 'label': unknown category 'il'. Did you mean 'ill'?"),
        ("ill,33,64.0,f", "ill,33,heavy,f", "manifest.csv:5: column 'weight': not a number"),
        ("ill,33,64.0,f", "ill,33,inf,f", "manifest.csv:5: column 'weight': infinite"),
        ("ill,33,64.0,f", "ill,33,640,f", "manifest.csv:5: column 'weight': outside 20 to 200"),
        ("64.0,f,1,", "64.0,x,1,", "manifest.csv:5: column 'sex': unknown category 'x'"),
        ("64.0,f,1,", "64.0,f,2,", "manifest.csv:5: column 'smoker': not a flag"),
        ("media/3.png", "media/33.png", "manifest.csv:5: column 'file': there is no file"),
        ("media/3.png", "../../x.png", "manifest.csv:5: column 'file': leads out of"),
        ("r3,p2,south", "r3,south", "manifest.csv:5: 9 cells where the header has 10"),
        ("note,file", "file,file", "manifest.csv has no column 'note'"),
    ],
)
def test_a_wrong_cell_is_located(folder: Path, old: str, new: str, expected: str) -> None:
    change(folder, "manifest.csv", old, new)
    assert expected in _error(folder)


def test_lines_are_counted_behind_cells_with_line_breaks(folder: Path) -> None:
    change(folder, "manifest.csv", "pain,media/6.png", "pain,media/66.png")
    assert "manifest.csv:9: column 'file'" in _error(folder)  # record 6 is in line 8, and r5's note breaks a line


def test_a_long_value_is_not_shown(folder: Path) -> None:
    change(folder, "manifest.csv", "64.0,f,1,", "64.0,a patient who was seen in May,1,")
    message = _error(folder)
    assert "an unknown category (29 characters)" in message and "May" not in message


def test_text_that_is_not_utf8_is_located(folder: Path) -> None:
    raw = (folder / "manifest.csv").read_bytes()
    (folder / "manifest.csv").write_bytes(raw.replace(b"cough", b"co\xffgh"))
    assert "manifest.csv:4: not UTF-8" in _error(folder)


@pytest.mark.parametrize("content", [b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b""])
def test_a_corrupt_image_is_located(folder: Path, content: bytes) -> None:
    (folder / "media/3.png").write_bytes(content)
    message = _error(folder)
    assert message.startswith("manifest.csv:5: column 'file': ") and "media/3.png cannot be decoded" in message


def test_a_truncated_image_is_located(folder: Path) -> None:
    file = folder / "media/3.png"
    Image.new("L", (300, 300)).save(file)
    file.write_bytes(file.read_bytes()[:-60])
    assert "manifest.csv:5: column 'file': " in _error(folder)


def test_a_truncated_parquet_is_named(folder: Path) -> None:
    pd.read_csv(folder / "long.csv").to_parquet(folder / "long.parquet")
    change(folder, "cohort.yaml", "long.csv", "long.parquet")
    whole = Folder(root=str(folder)).load()
    assert whole.present["vitals"].sum() == 7
    raw = (folder / "long.parquet").read_bytes()
    (folder / "long.parquet").write_bytes(raw[: len(raw) // 2])
    assert _error(folder).startswith("long.parquet: truncated, or not a parquet file")


def test_a_pickled_array_is_never_loaded(folder: Path) -> None:
    import numpy as np

    np.save(folder / "media/3.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    change(folder, "manifest.csv", "media/3.png", "media/3.npy")
    assert "cannot be decoded" in _error(folder)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("r1,1,pulse,62", "r1,1,pulse,high", "long.csv:6: column 'value': not a number"),
        ("r1,1,pulse,62", "r1,1,pulse,622", "long.csv:6: column 'value': outside 20 to 220"),
        ("r1,1,pulse,62", "r1,,pulse,62", "long.csv:6: column 'time': no time"),
    ],
)
def test_a_wrong_value_of_a_series_is_located(folder: Path, old: str, new: str, expected: str) -> None:
    change(folder, "long.csv", old, new)
    assert expected in _error(folder)


def test_a_label_seen_in_one_patient_is_named_with_its_row(folder: Path) -> None:
    change(folder, "cohort.yaml", "[well, ill]", "[well, ill, odd]")
    change(folder, "manifest.csv", "south,ill,33", "south,odd,33")
    assert "class 'odd' of 'label' is seen in 1 patient, fewer than 2 (manifest.csv:5)" in _error(folder)


def test_a_modality_missing_everywhere_is_named(folder: Path) -> None:
    frame = pd.read_csv(folder / "manifest.csv").assign(note=None)
    frame.to_csv(folder / "manifest.csv", index=False)
    assert "modalities.notes: no record has this modality" in _error(folder)


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"{tmp_path}/cohort.yaml: there is no such file")):
        Folder(root=str(tmp_path)).load()
