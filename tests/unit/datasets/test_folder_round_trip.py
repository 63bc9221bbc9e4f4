from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.folder import Folder
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.cohorts.folder import write
from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort, Pixels, Schema, Table, Text


@pytest.fixture
def cohort() -> Cohort:
    return Phantom(patients=60, visits=3, absent=0.3, missing=0.2, frames=5).load()


def _read(cohort: Cohort, folder: Path) -> Cohort:
    write(cohort, folder, "CC0-1.0", True)
    return Folder(root=str(folder)).load()


def _assert_same(a: Cohort, b: Cohort) -> None:
    assert dict(a.schemas) == dict(b.schemas)
    assert (a.conditions, a.silo_names, a.leaks) == (b.conditions, b.silo_names, b.leaks)
    assert np.array_equal(a.condition, b.condition, equal_nan=True)
    assert np.array_equal(a.patient, b.patient) and np.array_equal(a.silo, b.silo)
    for name in a.schemas:
        assert np.array_equal(a.present[name], b.present[name])
        _assert_same_data(a.schemas[name].kind, a.data[name].take(a.present[name]), b.data[name].take(b.present[name]))


def _assert_same_data(kind: str, a: object, b: object) -> None:
    if kind == "table":
        pd.testing.assert_frame_equal(a.frame, b.frame, check_exact=True)
    elif kind == "text":
        assert a.strings == b.strings
    elif kind == "series":
        assert all(np.array_equal(getattr(a, part), getattr(b, part)) for part in ("time", "values", "seen"))
    else:
        assert np.array_equal(a.array(), b.array())


def test_a_written_cohort_is_read_back_bit_for_bit(cohort: Cohort, tmp_path: Path) -> None:
    again = _read(cohort, tmp_path / "synthetic")
    _assert_same(cohort, again)
    assert again.dropped == {}


def test_licence_and_publishable_travel(cohort: Cohort, tmp_path: Path) -> None:
    write(cohort.take(np.arange(4)), tmp_path / "a", "ODbL-1.0", False)
    folder = Folder(root=str(tmp_path / "a"))
    assert (folder.licence, folder.publishable) == ("ODbL-1.0", False)


def test_steps_of_which_nothing_was_seen_keep_their_time(cohort: Cohort, tmp_path: Path) -> None:
    series = cohort.data["series"]
    series.seen[:, 10:14] = False
    series.values[:, 10:14] = 0
    _assert_same(cohort, _read(cohort, tmp_path / "a"))


def test_clips_whose_frames_stand_still_are_kept(cohort: Cohort, tmp_path: Path) -> None:
    clips = cohort.data["video"].array().copy()
    clips[0, 2:] = clips[0, 1]
    clips[1] = clips[1, :1]
    clips[2, 3] = clips[2, 0]
    still = replace(
        cohort, data={**cohort.data, "video": Pixels.of(clips)}, present={**cohort.present, "video": np.ones(len(cohort), bool)}
    )
    _assert_same(still, _read(still, tmp_path / "a"))


@pytest.mark.parametrize("shape", [(3, 9, 7), (2, 9, 7)])
def test_colour_and_other_channels_are_kept(cohort: Cohort, tmp_path: Path, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (len(cohort), *shape), dtype=np.uint8)
    clips = rng.integers(0, 256, (len(cohort), 4, *shape), dtype=np.uint8)
    everyone = np.ones(len(cohort), bool)
    other = replace(
        cohort,
        schemas={"image": Schema("image", (), shape), "video": Schema("video", (), (4, *shape))},
        data={"image": Pixels.of(pixels), "video": Pixels.of(clips)},
        present={"image": everyone, "video": everyone},
    )
    _assert_same(other, _read(other, tmp_path / "a"))


def test_awkward_texts_are_kept(cohort: Cohort, tmp_path: Path) -> None:
    words = ("", "NA", "nan", 'a "b", c\n d', "ü漢字🫁", " lead", "1.0", "true")
    strings = tuple(words[i % len(words)] for i in range(len(cohort)))
    other = replace(cohort.only(("text",)), data={"text": Text(strings)}, present={"text": np.ones(len(cohort), bool)})
    _assert_same(other, _read(other, tmp_path / "a"))


def test_awkward_names_of_categories_and_silos_are_kept(tmp_path: Path) -> None:
    cohort = Phantom(patients=20, silos=3, modalities=("text",)).load()
    column = replace(cohort.conditions[0], categories=("1", "no"))
    other = replace(
        cohort, conditions=(column, *cohort.conditions[1:]), silo_names=("true", "2.0", "null"), leaks=frozenset({"text"})
    )
    _assert_same(other, _read(other, tmp_path / "a"))


def test_unknown_conditions_stay_unknown_and_lost_classes_are_no_error(tmp_path: Path) -> None:
    cohort = Phantom(patients=20, modalities=("text",)).load()
    condition = cohort.condition.copy()
    condition[:, 0] = 0
    condition[3, 1:] = np.nan
    other = replace(cohort, condition=condition, silo_names=())
    other = replace(other, silo=np.zeros(len(other), np.int64))
    _assert_same(other, _read(other, tmp_path / "a"))


def test_a_folder_in_use_is_refused(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="not an empty folder"):
        write(cohort, tmp_path)


def test_text_that_is_not_unicode_is_named(cohort: Cohort, tmp_path: Path) -> None:
    other = replace(
        cohort.only(("text",)), data={"text": Text(("\ud800",) * len(cohort))}, present={"text": np.ones(len(cohort), bool)}
    )
    with pytest.raises(DatasetError, match="not valid Unicode"):
        write(other, tmp_path / "a")


def test_in_csv_it_is_read_back_too_to_fourteen_digits(cohort: Cohort, tmp_path: Path) -> None:
    texts = Text(tuple(f'"quoted", {i}\r\nNA' if i % 3 else "NA" for i in range(len(cohort))))
    cohort = replace(cohort, data={**cohort.data, "text": texts})
    write(cohort, tmp_path / "plain", tables=".csv")
    again = Folder(root=str(tmp_path / "plain")).load()
    np.testing.assert_allclose(again.condition, cohort.condition, rtol=1e-13)
    table, back = cohort.data["table"].take(cohort.present["table"]), again.data["table"].take(cohort.present["table"])
    pd.testing.assert_frame_equal(table.frame, back.frame, rtol=1e-13, atol=0)
    assert len({*zip(again.patient, cohort.patient, strict=True)}) == len(
        {*cohort.patient}
    )  # the same people under other numbers
    others = ("series", "text", "image", "video")
    again = replace(again, condition=cohort.condition, patient=cohort.patient)
    _assert_same(cohort.only(others), again.only(others))
    assert sorted(path.suffix for path in (tmp_path / "plain").iterdir() if path.is_file()) == [".csv", ".csv", ".yaml"]
    whole = cohort.take(np.logical_and.reduce([*cohort.present.values()])).only(("table",))
    write(whole, tmp_path / "whole", tables=".csv")
    assert not [name for name in pd.read_csv(tmp_path / "whole" / "manifest.csv").columns if name.startswith("present")]


def test_in_csv_a_range_holds_where_it_held(tmp_path: Path) -> None:
    cohort = Phantom(patients=60, modalities=("table",)).load()
    frame = cohort.data["table"].frame.copy()
    frame.loc[3, "crp"] = -1.0
    write(replace(cohort, data={"table": Table(frame)}), tmp_path / "plain", tables=".csv")
    manifest = tmp_path / "plain" / "manifest.csv"
    assert Folder(root=str(manifest.parent)).load().data["table"].frame["crp"][3] == -1.0
    table = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    table.loc[5, "table.age"] = "200"
    table.to_csv(manifest, index=False)
    with pytest.raises(DatasetError, match=r"manifest.csv:7: column 'table.age': outside 18 to 95"):
        Folder(root=str(manifest.parent)).load()


def test_a_draft_stays_one_and_words_for_nothing_stay(cohort: Cohort, tmp_path: Path) -> None:
    said = {**cohort.schemas, "text": replace(cohort.schemas["text"], nothing="o.B.")}
    read = _read(replace(cohort, drafted=True, schemas=said), tmp_path / "drafted")
    assert read.drafted and read.schemas["text"].nothing == "o.B."
    assert not _read(cohort, tmp_path / "declared").drafted
