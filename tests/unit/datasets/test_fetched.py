"""What publishers serve becomes a folder cohort that loads, with everything that is left out counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.cohorts import CovidCxr, EicuDemo
from fpmg_plugins.datasets.fetched import covid, eicu
from fpmg_plugins.datasets.fetched.medmnist import SETS, MedMnist
from fpmg_plugins.datasets.fetched.mimic4 import Mimic4Demo
from fpmg_plugins.datasets.folder import Folder
from published_toys import icu, mimic, mnist, xrays

from fpmg_bench.errors import DatasetError


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


def test_mimic4_stays_have_series_table_and_coded_text(tmp_path: Path, made: Path) -> None:
    dropped = Mimic4Demo().convert(mimic(tmp_path / "raw"), made)
    cohort = Mimic4Demo(root=str(made)).load()
    assert len(cohort) == 12 and len(np.unique(cohort.patient)) == 6
    assert cohort.silo_names == ("cardiac", "medical", "surgical")
    assert cohort.condition[0, 1] == 55  # 50 in 2145
    names = [column.name for column in cohort.schemas["series"].columns]
    series = cohort.data["series"]
    assert series.values[3, :, names.index("heart_rate")] == pytest.approx(np.full(24, 63.0))
    assert series.values[3, 0, names.index("temp_c")] == pytest.approx(37.0)
    assert series.values[3, 1, names.index("lactate")] == pytest.approx(2.5)
    assert not series.seen[0, :, names.index("spo2")].any()  # charted, but without a number
    assert cohort.data["text"].strings[0] == "Coded diagnoses: Hypertension; Cholera."
    assert dropped == {"rows of chartevents without a number": 1, "rows of chartevents before or after the stay": 24, "rows of labevents after the stay": 1}  # fmt: skip


def test_eicu_tables_become_what_eicu_demo_reads(tmp_path: Path, made: Path) -> None:
    dropped = EicuDemo().convert(icu(tmp_path / "raw"), made)
    cohort = EicuDemo(root=str(made)).load()
    assert np.bincount(cohort.label).tolist() == [15, 5]
    assert cohort.silo_names == ("South", "Unknown")
    names = [column.name for column in cohort.schemas["series"].columns]
    series, frame = cohort.data["series"], cohort.data["table"].frame
    assert series.values[:2, 0, names.index("fio2")].tolist() == [40.0, 50.0]
    assert not series.seen[0, 0, names.index("nibp_systolic")] and series.seen[1, 0, names.index("nibp_systolic")]
    assert frame["age"].iloc[:2].tolist() == [91.4, 54.0] and frame["teachingstatus"].iloc[:2].tolist() == [1.0, 0.0]
    assert frame["gender"].isna().sum() == 10 and frame["admissionweight"].isna().sum() == 10
    assert frame["aps_heartrate"].eq(90).all() and frame["aps_wbc"].isna().all()
    assert cohort.data["text"].strings[0] == "Admission diagnosis: Sepsis. Past history: CHF. Diagnoses: sepsis."
    assert dropped == {"cells of gender of other categories": 10, "rows of charted values before or after the stay": 60, "charted values out of range": 1}  # fmt: skip


def test_the_collection_becomes_what_covid_cxr_reads(tmp_path: Path, made: Path) -> None:
    dropped = CovidCxr().convert(xrays(tmp_path / "raw"), made)
    cohort = CovidCxr(root=str(made)).load()
    assert dropped == {
        "volumes and other files that are no pictures": 1,
        "pictures whose licence forbids derivatives": 1,
        "pictures that the archive lacks": 1,
        "cells of temperature_c that are no number in range": 1,
        "cells of survival with another word": 1,
    }
    assert cohort.dropped["near_duplicate_of is none of: (empty)"] == 1
    assert cohort.dropped["records without a label"] == 1
    assert np.bincount(cohort.label).tolist() == [5, 6]
    assert cohort.data["notes"].strings[0] == "fever and cough"
    assert set(cohort.silo_names) == {"italy", "elsewhere"}


def test_another_state_of_the_collection_is_refused(tmp_path: Path, made: Path) -> None:
    with pytest.raises(DatasetError, match="packed from commit 0000"):
        CovidCxr().convert(xrays(tmp_path / "raw", "0" * 40), made)


def test_medmnist_becomes_pictures_with_their_label(tmp_path: Path, made: Path) -> None:
    MedMnist(subset="breastmnist").convert(mnist(tmp_path / "raw"), made)
    cohort = Folder(root=str(made)).load()
    assert cohort.classes == SETS["breastmnist"].classes
    pixels = cohort.data["image"].array()
    assert pixels.shape == (10, 1, 64, 64)
    assert (pixels.max(axis=(1, 2, 3)) > 100).astype(int).tolist() == cohort.label.tolist()
    assert MedMnist(root=str(made), subset="breastmnist").load().data["image"].array().shape == (10, 1, 64, 64)


def test_pictures_that_were_not_fetched_tell_how(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not there") as caught:
        MedMnist(root=str(tmp_path), subset="bloodmnist").load()
    assert caught.value.hint == "fpmg-bench data fetch medmnist --set subset=bloodmnist"


def test_a_file_of_another_form_is_named(tmp_path: Path, made: Path) -> None:
    (tmp_path / "breastmnist_64.npz").write_bytes(b"no archive")
    with pytest.raises(DatasetError, match=r"breastmnist_64\.npz: not an archive of MedMNIST"):
        MedMnist(subset="breastmnist").convert(tmp_path, made)
    raw = icu(tmp_path / "raw")
    frame = pd.read_csv(raw / eicu.PATIENT)
    frame.drop(columns="uniquepid").to_csv(raw / eicu.PATIENT, index=False)
    with pytest.raises(DatasetError, match=r"patient\.csv\.gz: .*uniquepid"):
        EicuDemo().convert(raw, made)
    (raw / eicu.PATIENT).write_bytes((raw / eicu.HOSPITAL).read_bytes()[:-9])
    with pytest.raises(DatasetError, match=r"patient\.csv\.gz: "):
        EicuDemo().convert(raw, made)
    (tmp_path / covid.ARCHIVE).write_bytes(b"no zip")
    with pytest.raises(DatasetError, match="not a zip archive"):
        CovidCxr().convert(tmp_path, made)


@pytest.mark.parametrize("subset", SETS)
def test_hashes_and_classes_of_medmnist_are_complete(subset: str) -> None:
    made = SETS[subset]
    assert all(len(value) == 32 for value in made.md5.values()) and set(made.md5) == {28, 64}
    remote = MedMnist(subset=subset).remote  # type: ignore[arg-type]
    assert next(iter(remote.files.values())).startswith("md5:")
