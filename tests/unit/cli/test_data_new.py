"""Drafts of cohort.yaml: what a messy table of one's own becomes, and that it loads."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fpmg_bench.cohorts.draft import draft
from fpmg_bench.errors import DatasetError
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice
from fpmg_bench.types import Cohort

N = 60


def _load(folder: Path) -> Cohort:
    cohort: Cohort = Registry.discover().build("dataset", Choice("folder", {"root": str(folder)})).load()
    return cohort


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """What hospitals send: ids, names, dates, decimal commas, words among numbers, F and f, three words for missing, media."""
    rng = np.random.default_rng(0)
    for place in ("scans", "clips"):
        (tmp_path / place).mkdir()
    for at in range(N):
        Image.fromarray(rng.integers(0, 256, (20, 30), dtype=np.uint8)).save(tmp_path / f"scans/s{at}.png")
    frames = [Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)) for _ in range(5)]
    for at in range(0, N, 2):
        frames[0].save(tmp_path / f"clips/c{at}.webp", save_all=True, append_images=frames[1:], duration=100)
    frame = pd.DataFrame(
        {
            "Accession No": [f"ACC{at:05d}" for at in range(N)],
            "Patient ID": [f"P{at // 2:03d}" for at in range(N)],
            "Patient Name": "Doe, Jane",
            "Admission Date": [f"2021-03-{1 + at % 28:02d} 10:00" for at in range(N)],
            "Hospital": ["North", "South", "East", ""] * (N // 4),
            "Diagnosis": ["healthy", "ill", "Ill ", "healthy"] * (N // 4),
            "Age": ["unknown" if at % 7 == 0 else str(30 + at % 50) for at in range(N)],
            "CRP": ["<0.5" if at % 9 == 0 else f"{rng.gamma(2, 20):.1f}" for at in range(N)],
            "Weight": [f"{60 + at % 30},5" for at in range(N)],
            "Sex": ["M", "F", "f", "m "] * (N // 4),
            "Smoker": ["Y", "N", ""] * (N // 3),
            "ICU": ["yes", "No", "N/A"] * (N // 3),
            "Notes": [f'Came in with "fever" and cough, day {at}.\nImproved after treatment {at}.' for at in range(N)],
            "Scan": [f"s{at}.png" for at in range(N)],
            "Clip": [f"c{at}.webp" if at % 2 == 0 else "" for at in range(N)],
            "Nothing": "",
        }
    )
    frame.loc[5, "Diagnosis"], frame.loc[8, "Diagnosis"] = "rare thing", ""
    frame.to_csv(tmp_path / "records.csv", index=False)
    long = [(f"ACC{at:05d}", hour, "pulse", 60 + at + hour) for at in range(N) for hour in range(6)]
    pd.DataFrame(long, columns=["accession", "time", "variable", "value"]).to_csv(tmp_path / "vitals.csv", index=False)
    return tmp_path


def test_a_messy_folder_loads_as_it_was_drafted(messy: Path, exit_code: Any) -> None:
    assert exit_code("data", "new", str(messy)) == 0
    text = (messy / "cohort.yaml").read_text()
    assert "FILL IN" not in text.partition("\n")[2]
    cohort = _load(messy)
    assert {name: schema.kind for name, schema in cohort.schemas.items()} == {"table": "table", "Notes": "text", "Scan": "image", "Clip": "video", "vitals": "series"}  # fmt: skip
    assert len(cohort) == N - 2 and len(np.unique(cohort.patient)) == N // 2
    assert cohort.classes == ("healthy", "Ill") and np.bincount(cohort.label).tolist() == [29, 29]
    assert cohort.dropped["Diagnosis is one of: rare thing"] == 1 and cohort.dropped["records without a label"] == 1
    assert cohort.silo_names == ("East", "North", "South", "unknown")
    assert cohort.schemas["Scan"].shape == (1, 64, 64) and cohort.schemas["Clip"].shape == (5, 3, 32, 32)
    assert cohort.present["Clip"].sum() == N // 2 - 1
    assert cohort.schemas["vitals"].shape == (6,)


def test_words_among_numbers_are_missing_and_not_imputed(messy: Path) -> None:
    (messy / "cohort.yaml").write_text(draft(messy / "records.csv"))
    frame = _load(messy).data["table"].frame
    assert list(frame.columns) == ["Age", "CRP", "Weight", "Sex", "Smoker", "ICU"]
    assert frame["Age"].isna().sum() == sum(at % 7 == 0 for at in range(N) if at not in (5, 8))
    assert frame["Smoker"].dropna().unique().tolist() == [1.0, 0.0] and frame["ICU"].isna().sum() == 18
    assert set(frame["Sex"]) == {"F", "M"}


@pytest.mark.parametrize(
    ("column", "why"),
    [("Patient Name", "may identify"), ("Admission Date", "dates"), ("Nothing", "empty")],
)
def test_what_is_left_out_is_told_with_its_reason(messy: Path, column: str, why: str) -> None:
    assert re.search(rf"# left out: {column} \({why}", draft(messy / "records.csv"))


def test_filling_in_what_it_asks_for_is_enough(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    (tmp_path / "t.csv").write_text("a,b,c\n1,x,2.5\n2,y,3.5\n3,x,1.0\n4,y,2.0\n")
    assert exit_code("data", "new", str(tmp_path)) == 0
    assert "2 lines to fill in" in capsys.readouterr().out
    with pytest.raises(DatasetError, match=r"cohort\.yaml"):
        _load(tmp_path)
    text = (tmp_path / "cohort.yaml").read_text()
    assert text.splitlines()[1].endswith("public and must be")
    text = text.replace('patient: "FILL IN"', "patient: a").replace('  # - {"name": "b"', '  - {"name": "b"')
    (tmp_path / "cohort.yaml").write_text(re.sub(r'      - \{"name": "[ab]".*\n', "", text))
    cohort = _load(tmp_path)
    assert cohort.classes == ("x", "y") and [column.name for column in cohort.schemas["table"].columns] == ["c"]


def test_pictures_that_are_not_there_are_asked_for(messy: Path) -> None:
    (messy / "scans/s3.png").unlink()
    text = draft(messy / "records.csv")
    assert "FILL IN: 1 file is not there (first: s3.png)" in text
    (messy / "cohort.yaml").write_text(text)
    table = messy / "records.csv"
    table.write_text(table.read_text().replace("s3.png", ""))
    assert _load(messy).present["Scan"].sum() == N - 3


def test_a_column_that_tells_the_label_exactly_is_pointed_out(tmp_path: Path) -> None:
    rows = "".join(f"p{at},{'xy'[at % 2]},{'AB'[at % 2]},{'CD'[at % 3 == 0]}\n" for at in range(12))
    (tmp_path / "t.csv").write_text("patient,label,code,other\n" + rows)
    lines = {line for line in draft(tmp_path / "t.csv").splitlines() if "exactly" in line}
    assert len(lines) == 1 and '"code"' in lines.pop()


def test_a_label_of_numbers_is_cut_where_fifths_of_the_patients_lie(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("patient,days\n" + "".join(f"p{at},{at * at}\n" for at in range(50)))
    (tmp_path / "cohort.yaml").write_text(draft(tmp_path / "t.csv", "patient", "days") + "  notes: {kind: text, column: days}\n")
    cohort = _load(tmp_path)
    assert cohort.task == "number" and cohort.drafted and np.bincount(cohort.label).tolist() == [10, 10, 10, 10, 10]
    assert cohort.conditions[0].cuts == (100.0, 400.0, 900.0, 1600.0) and cohort.conditions[1].high == 2401.0


def test_without_a_column_of_classes_there_is_no_label(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("patient,a,b\n" + "".join(f"p{at},{at / 7:.3f},{at / 3:.3f}\n" for at in range(40)))
    (tmp_path / "cohort.yaml").write_text(draft(tmp_path / "t.csv"))
    cohort = _load(tmp_path)
    assert cohort.task == "none" and len(cohort) == 40 and cohort.classes == ("patients",)


def test_a_label_of_one_value_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("patient,same,many\n" + "".join(f"p{at},x,{at / 7:.3f}\n" for at in range(40)))
    with pytest.raises(DatasetError, match="is no label"):
        draft(tmp_path / "t.csv", "patient", "same")
    (tmp_path / "t.csv").write_text("patient,died\n" + "".join(f"p{at},{int(at == 3)}\n" for at in range(9)))
    with pytest.raises(DatasetError, match="its classes 1 are seen in one patient only"):
        draft(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "which table lists the records\\? found: none"),
        ({"a.csv": "x\n", "b.csv": "y\n"}, "found: a.csv, b.csv"),
    ],
)
def test_what_cannot_be_drafted_says_why(tmp_path: Path, files: dict[str, str], message: str) -> None:
    from fpmg_bench.cohorts.draft import find_table

    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=message):
        draft(find_table(tmp_path))


def test_a_parquet_table_is_drafted_as_it_will_be_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"subject": [1, 2, 2, 3, 4], "outcome": [0.0, 1.0, 0.0, 1.0, None], "flag": [True, False, None, True, True], "dose": [1.5, 2.5, 3.0, 4.0, 1.0]})  # fmt: skip
    frame.to_parquet(tmp_path / "manifest.parquet")
    (tmp_path / "cohort.yaml").write_text(draft(tmp_path / "manifest.parquet"))
    cohort = _load(tmp_path)
    assert cohort.label.tolist() == [0, 1, 0, 1] and cohort.dropped["records without a label"] == 1
    assert cohort.data["table"].frame["flag"].tolist()[:2] == [1.0, 0.0]


@pytest.mark.cohort
@pytest.mark.parametrize("name", ["covid_cxr", "mimic3_demo", "pocus_ultrasound"])
def test_real_manifests_load_as_they_were_drafted(name: str, tmp_path: Path) -> None:
    place = Path(os.environ.get("FPMG_DATA") or Path(__file__).parents[4] / "shared" / "data") / name
    if not place.is_dir():
        pytest.skip(f"{name} is not under FPMG_DATA")
    for each in place.iterdir():
        (tmp_path / each.name).symlink_to(each)
    text = draft(tmp_path / "manifest.csv")
    assert "FILL IN" not in text.partition("\n")[2] and 'patient: "patient_id"' in text and '"label"' in text
    document = tmp_path / "cohort.yaml"
    document.write_text(text)
    cohort = Registry.discover().build("dataset", Choice("folder", {"file": str(document), "root": str(place)})).load()
    assert len(cohort) == {"covid_cxr": 606, "mimic3_demo": 136, "pocus_ultrasound": 129}[name]
