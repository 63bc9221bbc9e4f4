"""The five cohorts that users fetch themselves; counts are those of the folders' own documentation."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from fpmg_plugins.datasets.cohorts import CovidCxr, CovidSeverity, EicuDemo, LungCt, Mimic3Demo, Packaged, PocusUltrasound

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort

REPOSITORY = Path(__file__).parents[3]
EVERY = (CovidCxr, CovidSeverity, EicuDemo, LungCt, Mimic3Demo, PocusUltrasound)


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FPMG_DATA", os.environ.get("FPMG_DATA") or str(REPOSITORY.parent / "shared" / "data"))


def _load(cls: type[Packaged], **given: int | str) -> Cohort:
    cohort = cls(**given)
    if not cohort.available():
        pytest.skip(f"{cls.name} is not under FPMG_DATA")
    return cohort.load()


def _counts(cohort: Cohort) -> dict[str, int]:
    return dict(zip(cohort.classes, np.bincount(cohort.label).tolist(), strict=True))


def test_covid_cxr_is_x_rays_in_five_silos_with_both_classes() -> None:
    cohort = _load(CovidCxr)
    assert _counts(cohort) == {"covid19": 422, "other": 114}
    assert cohort.leaks == {"notes"}
    assert len(cohort.silo_names) == 5
    assert min(np.bincount(cohort.silo * 2 + cohort.label)) >= 3
    assert cohort.dropped["modality is none of: xray"] == 59
    assert cohort.data["image"].array().shape == (536, 1, 64, 64)


def test_masked_notes_name_no_diagnosis_and_leak_no_more() -> None:
    from fpmg_plugins.datasets.cohorts.masked import text

    assert (
        text("RT-PCR-confirmed COVID-19; Mers, not customers of pneumothorax.")
        == "xxxx xxxx; xxxx, not customers of pneumothorax."
    )
    cohort = _load(CovidCxr, notes="masked")
    assert cohort.leaks == frozenset() and CovidCxr().fingerprint() != CovidCxr(notes="masked").fingerprint()
    assert not any("covid" in note.lower() for note in cohort.data["notes"].strings)


def test_covid_severity_is_scored_films_of_one_disease_in_thirds_of_the_score() -> None:
    cohort = _load(CovidSeverity)
    assert _counts(cohort) == {"below 6": 62, "6 to 12": 52, "from 12": 25}
    assert cohort.task == "number" and [column.name for column in cohort.conditions] == ["brixia by cuts", "brixia"]
    assert set(2 * cohort.target % 1) == {0.0} and cohort.target.max() <= 18
    assert len(cohort.silo_names) == 3 and np.bincount(cohort.silo * 3 + cohort.label).min() >= 3
    assert cohort.dropped["label is none of: covid19"] == 191


def test_eicu_demo_is_stays_in_five_regions() -> None:
    cohort = _load(EicuDemo)
    assert _counts(cohort) == {"survived": 1180, "died": 103}
    assert len(np.unique(cohort.patient)) <= 933 and len(cohort.silo_names) == 5
    assert [column.name for column in cohort.conditions] == ["death", "age"]
    assert cohort.schemas["series"].shape == (24,) and cohort.leaks == {"text"}


def test_mimic3_demo_has_a_fair_and_a_leaking_text() -> None:
    cohort = _load(Mimic3Demo)
    assert _counts(cohort) == {"survived": 90, "died": 46}
    assert len(np.unique(cohort.patient)) == 100
    assert set(cohort.schemas) == {"series", "table", "diagnosis", "text"} and cohort.leaks == {"text"}


def test_pocus_ultrasound_is_clips_that_move() -> None:
    cohort = _load(PocusUltrasound, frames=6, video_size=24)
    assert _counts(cohort) == {"regular": 49, "covid19": 29, "pneumonia": 22}
    clips = cohort.data["video"].array().astype(int)
    assert clips.shape == (100, 6, 1, 24, 24)
    assert np.median(np.abs(np.diff(clips, axis=1)).mean(axis=(1, 2, 3, 4))) > 1


def test_pocus_clips_of_64_pixels_hold_more_than_enlarged_ones_of_32() -> None:
    large = _load(PocusUltrasound, video_size=64).data["video"].array()[:20].astype(float)
    small = _load(PocusUltrasound).data["video"].array()[:20].astype(float)
    assert large.shape[1:] == (8, 1, 64, 64)
    detail = large - np.kron(small, np.ones((2, 2)))
    assert detail.std() > 5


def test_lung_ct_does_not_know_cancer_of_covid_slices() -> None:
    cohort = _load(LungCt, image_size=32)
    assert _counts(cohort) == {"normal": 240, "benign": 102, "malignant": 240, "covid19": 55}
    assert np.array_equal(np.isnan(cohort.condition[:, 1]), cohort.label == 3)
    assert cohort.data["image"].array().shape == (637, 1, 32, 32)


def test_the_size_of_pictures_is_part_of_the_fingerprint() -> None:
    _load(LungCt)
    assert LungCt().fingerprint() == LungCt().fingerprint() != LungCt(image_size=32).fingerprint()


@pytest.mark.parametrize("cls", EVERY)
def test_without_data_a_cohort_is_not_available_and_says_how(
    cls: type[Packaged], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FPMG_DATA")
    assert not cls().available()
    with pytest.raises(DatasetError, match="set FPMG_DATA to the folder that holds"):
        cls().load()
    elsewhere = cls(root=str(tmp_path))
    assert not elsewhere.available()
    with pytest.raises(DatasetError, match=r"manifest\.csv is not there") as caught:
        elsewhere.load()
    assert caught.value.hint == elsewhere.about.access != ""


@pytest.mark.parametrize("cls", EVERY)
def test_licence_and_citation_are_known_without_the_data(cls: type[Packaged]) -> None:
    assert cls().licence and cls().citation
    assert cls().publishable is False
