from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from folder_toys import change, make
from fpmg_plugins.datasets.folder import Folder, media
from PIL import Image

from fpmg_bench.types import Cohort


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "cohort")


def _load(folder: Path) -> Cohort:
    return Folder(root=str(folder)).load()


def test_cells_become_numbers_flags_and_categories(folder: Path) -> None:
    frame = _load(folder).data["table"].frame
    assert np.array_equal(frame["weight"], [70.5, 80, np.nan, 64, 90, 55, 62, 77], equal_nan=True)
    assert np.array_equal(frame["smoker"], [1, 0, np.nan, 1, 0, 1, 0, 1], equal_nan=True)
    assert frame["sex"].tolist()[:2] == ["f", "m"] and pd.isna(frame["sex"][2])


def test_patients_silos_and_conditions(folder: Path) -> None:
    cohort = _load(folder)
    assert cohort.patient.tolist() == [0, 0, 1, 2, 3, 4, 5, 6]
    assert cohort.silo_names == ("north", "south") and cohort.silo.tolist() == [0, 1] * 4
    assert cohort.classes == ("well", "ill") and cohort.label.tolist() == [0, 0, 1, 1] * 2
    assert cohort.condition[:, 1].tolist() == list(range(30, 38))


def test_empty_cells_are_absent_modalities(folder: Path) -> None:
    change(folder, "manifest.csv", "media/3.png", "")
    cohort = _load(folder)
    assert np.flatnonzero(~cohort.present["notes"]).tolist() == [1]
    assert np.flatnonzero(~cohort.present["image"]).tolist() == [3]
    assert np.flatnonzero(~cohort.present["vitals"]).tolist() == [7]
    assert not cohort.data["image"].take(np.array([3])).array().any()


def test_rows_without_a_label_are_dropped_and_counted(folder: Path) -> None:
    change(folder, "manifest.csv", "south,ill,33", "south,,33")
    cohort = _load(folder)
    assert len(cohort) == 7
    assert cohort.dropped == {"records without a label": 1, "rows of long.csv of records that are not used": 3}


def test_rules_keep_rows_and_count_the_others(folder: Path) -> None:
    change(
        folder,
        "cohort.yaml",
        "silo:",
        "rows: [{column: sex, drop: ['']}, {column: site, keep: [north]}]\nmin_class_patients: 1\nsilo:",
    )
    cohort = _load(folder)
    assert cohort.condition[:, 1].tolist() == [30, 34, 36]
    assert cohort.dropped["sex is one of: (empty)"] == 1 and cohort.dropped["site is none of: north"] == 4


def test_values_out_of_range_can_be_missing_or_clipped_and_are_counted(folder: Path) -> None:
    change(folder, "cohort.yaml", "low: 20, high: 200", "low: 60, high: 80, outside: missing")
    cohort = _load(folder)
    assert cohort.data["table"].frame["weight"].isna().sum() == 3
    assert cohort.dropped == {"cells of weight outside 60 to 80, read as missing": 2}
    change(folder, "cohort.yaml", "outside: missing", "outside: clip")
    assert _load(folder).data["table"].frame["weight"].dropna().agg(["min", "max"]).tolist() == [60, 80]


def test_values_are_mapped_and_the_rest_goes_to_other(folder: Path) -> None:
    change(folder, "cohort.yaml", "categories: [f, m]", "categories: [woman, other], map: {f: woman}, other: other")
    assert _load(folder).data["table"].frame["sex"].tolist()[:2] == ["woman", "other"]
    change(folder, "cohort.yaml", "map: {f: woman}", "map: {f: woman, m: null}")
    assert pd.isna(_load(folder).data["table"].frame["sex"][1])


def test_long_texts_are_cut_and_counted(folder: Path) -> None:
    change(folder, "manifest.csv", "cough", "cough since yesterday")
    cohort = _load(folder)
    assert cohort.data["notes"].strings[2] == "cough since "
    assert cohort.dropped == {"ends of texts of notes after 12 characters (a greater length keeps them)": 1}


def test_small_silos_are_merged_by_size_and_by_class(folder: Path) -> None:
    frame = pd.read_csv(folder / "manifest.csv")
    frame["site"] = ["a", "a", "a", "a", "b", "b", "c", "d"]
    frame.to_csv(folder / "manifest.csv", index=False)
    change(folder, "cohort.yaml", "{column: site}", "{column: site, min_records: 2}")
    assert _load(folder).silo_names == ("a", "b", "other")
    change(folder, "cohort.yaml", "min_records: 2", "min_class_records: 1, merge_into: rest")
    cohort = _load(folder)
    assert cohort.silo_names == ("a", "rest") and np.bincount(cohort.silo).tolist() == [4, 4]
    change(folder, "cohort.yaml", "min_class_records: 1, merge_into: rest", "groups: {ab: [a, b]}, names: [ab, d, c]")
    assert _load(folder).silo.tolist() == [0, 0, 0, 0, 0, 0, 2, 1]


def test_series_without_a_window_take_the_first_times(folder: Path) -> None:
    change(folder, "cohort.yaml", "steps: 3", "steps: 2")
    cohort = _load(folder)
    assert cohort.data["vitals"].values[1, :, 0].tolist() == [61, 62]
    assert cohort.data["vitals"].time[1].tolist() == [0, 1]
    assert cohort.dropped == {"rows of long.csv beyond 2 steps (raise steps to keep them)": 7}


def test_series_in_a_window_are_means_of_bins(folder: Path) -> None:
    change(folder, "cohort.yaml", "steps: 3", "window: [0, 4]\n    steps: 2")
    series = _load(folder).data["vitals"]
    assert series.time[0].tolist() == [1, 3]
    assert series.values[0, :, 0].tolist() == [60.5, 62]
    assert series.seen[0, :, 0].tolist() == [True, True] and not series.seen[7].any()


def test_pictures_are_padded_cropped_or_stretched_to_the_shape(folder: Path) -> None:
    Image.fromarray(np.full((16, 32), 200, np.uint8)).save(folder / "media/0.png")
    assert _load(folder).data["image"].array()[0, 0, :, 0].tolist() == [0, 0, 200, 200, 200, 200, 0, 0]
    for fit in ("crop", "stretch"):
        text = (folder / "cohort.yaml").read_text()
        (folder / "cohort.yaml").write_text(text.replace("shape: [1, 8, 8]", f"shape: [1, 8, 8], fit: {fit}"))
        assert (_load(folder).data["image"].array()[0] == 200).all()
        (folder / "cohort.yaml").write_text(text)


def test_sixteen_bit_pictures_keep_their_contrast(folder: Path) -> None:
    ramp = np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16)
    Image.fromarray(ramp).save(folder / "media/0.png")
    change(folder, "cohort.yaml", "shape: [1, 8, 8]", "shape: [1, 8, 8], window: [0, 4095]")
    image = _load(folder).data["image"].array()[0, 0]
    assert image == pytest.approx(np.round(ramp / 4095 * 255), abs=1)


def test_clips_are_sampled_evenly_and_repeat_by_duration(folder: Path) -> None:
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (10, 20, 30)]
    frames[0].save(folder / "media/0.png", save_all=True, append_images=frames[1:], duration=[100, 200, 100])
    change(
        folder,
        "cohort.yaml",
        "kind: image, column: file, shape: [1, 8, 8]",
        "kind: video, column: file, shape: [4, 1, 8, 8], frame_ms: 100",
    )
    clip = _load(folder).data["image"].array()[0, :, 0, 0, 0]
    assert clip.tolist() == [10, 20, 20, 30]
    change(folder, "cohort.yaml", ", frame_ms: 100", "")
    assert _load(folder).data["image"].array()[0, [0, -1], 0, 0, 0].tolist() == [10, 30]


def test_a_cohort_too_large_for_memory_is_read_when_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = _load(folder).data["image"].array()
    monkeypatch.setattr(media, "KEPT_BYTES", 10)
    lazy = _load(folder).data["image"]
    for file in (folder / "media").glob("[0-5].png"):
        os.remove(file)
    assert np.array_equal(lazy.take(np.array([7, 6])).array(), kept[[7, 6]])


def test_a_typed_parquet_manifest_gives_the_same_cohort(folder: Path) -> None:
    before = _load(folder)
    frame = pd.read_csv(folder / "manifest.csv")
    frame["smoker"] = frame["smoker"].map(
        {"yes": True, "no": False, "1": True, "0": False, "true": True, "False": False, "1.0": True}
    )
    frame.to_parquet(folder / "manifest.parquet")
    change(folder, "cohort.yaml", "manifest.csv", "manifest.parquet")
    after = _load(folder)
    pd.testing.assert_frame_equal(before.data["table"].frame, after.data["table"].frame)
    assert before.data["notes"].strings == after.data["notes"].strings
    assert np.array_equal(before.condition, after.condition) and np.array_equal(before.patient, after.patient)


def test_the_fingerprint_follows_every_file(folder: Path) -> None:
    seen = {Folder(root=str(folder)).fingerprint()}
    for file, old, new in (
        ("manifest.csv", "cough", "couch"),
        ("long.csv", "r1,1,pulse,62", "r1,1,pulse,63"),
        ("cohort.yaml", "CC0-1.0", "CC0"),
    ):
        change(folder, file, old, new)
        seen.add(Folder(root=str(folder)).fingerprint())
    Image.new("L", (8, 8)).save(folder / "media/2.png")
    seen.add(Folder(root=str(folder)).fingerprint())
    assert len(seen) == 5
    assert Folder(root=str(folder)).fingerprint() in seen


def test_only_both_ends_of_large_media_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fpmg_plugins.datasets.folder import identity

    monkeypatch.setattr(identity, "READ_WHOLE", 10)
    first = Folder(root=str(folder)).fingerprint()
    assert first == Folder(root=str(folder)).fingerprint()
    Image.new("L", (8, 8)).save(folder / "media/2.png")
    assert first != Folder(root=str(folder)).fingerprint()
