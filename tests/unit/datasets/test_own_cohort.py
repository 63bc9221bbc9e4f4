"""A cohort of one's own, described from docs/folder-cohorts.md alone: five modalities, two hospitals, known numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fpmg_plugins.datasets.folder import Folder
from PIL import Image

from fpmg_bench.testing import checks_for
from fpmg_bench.types import Cohort

COHORT = """\
version: 1
licence: CC0-1.0
citation: invented for this test
publishable: true
manifest: manifest.csv
record: stay
patient: person
rows:
  - {column: repeat_of, keep: [""]}
silo: {column: hospital, groups: {coast: [Bay, Cape], hills: [Peak]}}
conditions:
  - {name: outcome, type: category, categories: [home, died], map: {"0": home, "1": died}}
  - {name: age, low: 18, high: 100, step: 1, outside: clip}
modalities:
  table:
    kind: table
    columns:
      - {name: weight, low: 20, high: 300, step: 0.1, outside: missing}
      - {name: sex, type: category, categories: [F, M]}
      - {name: smoker, type: flag, map: {Y: 1, N: 0, "?": null}}
  vitals:
    kind: series
    file: vitals.csv
    record: stay
    window: [0, 4]
    steps: 2
    columns: [{name: pulse, column: HR, low: 20, high: 250}]
  notes: {kind: text, column: note, length: 12}
  xray: {kind: image, column: picture, folder: images, shape: [1, 8, 8]}
  sweep: {kind: video, column: clip, shape: [4, 1, 8, 8], frame_ms: 100}
leaks: [notes]
real: {xray: gray squares, table: as invented}
derived: {vitals: means of two hours}
traps: [nobody in it exists]
"""
MANIFEST = """\
stay,person,hospital,outcome,age,weight,sex,smoker,note,picture,clip,repeat_of
s1,anna,Bay,0,54,70.5,F,Y,well,1.png,clip.webp,
s2,anna,Bay,0,55,71,F,N,going home today,2.png,,
s3,bert,Peak,1,130,9000,M,?,died at night,3.png,clip.webp,
s4,carl,Cape,1,17,80,M,,,,,
s5,dora,Peak,0,60,64,F,N,fine,,,
s6,dora,Peak,0,60,64,F,N,fine,,,s5
s7,emil,Bay,,40,90,M,Y,in bed,,,
"""
VITALS = """\
stay,time,variable,value
s1,0,HR,80
s1,1.5,HR,90
s1,3,HR,100
s1,9,HR,60
s2,0,lactate,1
s3,2.5,HR,130
s9,0,HR,70
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for at in (1, 2, 3):
        Image.new("L", (16, 16), 50 * at).save(tmp_path / f"images/{at}.png")
    frames = [Image.new("RGB", (8, 8), (shade,) * 3) for shade in (0, 200)]
    frames[0].save(tmp_path / "clip.webp", save_all=True, append_images=frames[1:], duration=[100, 300], lossless=True)
    for name, text in (("cohort.yaml", COHORT), ("manifest.csv", MANIFEST), ("vitals.csv", VITALS)):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def cohort(folder: Path) -> Cohort:
    return Folder(root=str(folder)).load()


def test_five_stays_of_four_patients_in_two_silos(cohort: Cohort) -> None:
    assert cohort.label.tolist() == [0, 0, 1, 1, 0] and cohort.classes == ("home", "died")
    assert cohort.patient.tolist() == [0, 0, 1, 2, 3]
    assert [cohort.silo_names[at] for at in cohort.silo] == ["coast", "coast", "hills", "coast", "hills"]
    assert cohort.condition[:, 1].tolist() == [54, 55, 100, 18, 60]


def test_everything_left_out_is_counted(cohort: Cohort) -> None:
    assert dict(cohort.dropped) == {
        "repeat_of is none of: (empty)": 1,
        "records without a label": 1,
        "cells of age outside 18 to 100, clipped": 2,
        "cells of smoker mapped to missing": 1,
        "cells of weight outside 20 to 300, read as missing": 1,
        "rows of vitals.csv of records that are not used": 1,
        "rows of vitals.csv of variables that are not declared (list them under columns to keep them)": 1,
        "rows of vitals.csv outside the window 0 to 4 (widen it to keep them)": 1,
        "vitals: values in one bin, of which the mean is kept (more steps keep them apart)": 2,
        "ends of texts of notes after 12 characters (a greater length keeps them)": 2,
        "xray: pictures scaled down to 8 x 8 (a larger shape keeps more)": 3,
    }


def test_nothing_is_imputed(cohort: Cohort) -> None:
    frame, vitals = cohort.data["table"].frame, cohort.data["vitals"]
    assert np.isnan(frame["weight"][2]) and np.isnan(frame["smoker"][2]) and np.isnan(frame["smoker"][3])
    assert vitals.values[0, :, 0].tolist() == [85, 100] and vitals.seen[:, :, 0].sum(axis=1).tolist() == [2, 0, 1, 0, 0]
    assert {name: here.tolist() for name, here in cohort.present.items() if name != "table"} == {
        "vitals": [True, False, True, False, False],
        "notes": [True, True, True, False, True],
        "xray": [True, True, True, False, False],
        "sweep": [True, False, True, False, False],
    }


def test_pictures_and_clips_are_what_was_drawn(cohort: Cohort) -> None:
    assert cohort.data["xray"].array()[:3].mean(axis=(1, 2, 3)).tolist() == [50, 100, 150]
    assert cohort.data["sweep"].array()[0].mean(axis=(1, 2, 3)).tolist() == [0, 200, 200, 200]  # the second frame lasts three


def test_what_it_says_of_itself(folder: Path) -> None:
    about = Folder(root=str(folder)).about
    assert about.task == "outcome: home | died" and about.silos == "by hospital: coast, hills"
    assert about.derived == {"vitals": "series: means of two hours"} and about.leaks == {"notes"}
    assert about.traps == ("nobody in it exists",)


def test_it_passes_the_conformance_checks(folder: Path) -> None:
    from fpmg_bench.errors import NotApplicable

    dataset, passed = Folder(root=str(folder)), 0
    for check in checks_for(dataset):
        try:
            check(dataset)
            passed += 1
        except NotApplicable:
            continue
    assert passed >= 8


def test_a_modality_that_is_not_declared_cannot_be_called_real(folder: Path) -> None:
    from fpmg_bench.errors import DatasetError

    (folder / "cohort.yaml").write_text(COHORT.replace("real: {xray:", "real: {ct:"))
    with pytest.raises(DatasetError, match="real: ct is no modality of this file"):
        Folder(root=str(folder)).load()
    (folder / "cohort.yaml").write_text(COHORT.replace("derived: {vitals:", "derived: {xray:"))
    with pytest.raises(DatasetError, match="xray is named under real too"):
        Folder(root=str(folder)).load()
