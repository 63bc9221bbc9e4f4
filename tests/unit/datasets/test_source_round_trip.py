"""Each case of what readers take goes there and back: read, written in the form of the source, and read with the same cohort.yaml."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import source_toys
import test_cells_as_they_come as cells
import test_folder_labels as labels
import test_joined_tables as joined
import test_pictures_in as pictures
import test_series_in as series
from fpmg_plugins.datasets.folder import Folder

from fpmg_bench.types import Cohort, Series, Table, Text

NO_CODE = {"codes by chapter", "codes of no chapter, declared", "several codes by chapter"}


def back(source: Path, target: Path, form: str = "source") -> tuple[Path, list[str]]:
    """What is written of a cohort's own patients, and what is told of it."""
    target.mkdir()
    dataset = Folder(str(source))
    return target, Folder.write(json.loads(json.dumps(dataset.source())), dataset.load(), target, form)


def there_and_back(source: Path, target: Path) -> list[str]:
    """Assert that it is the same by the document that was written, and by the source's; and that headers are."""
    folder, told = back(source, target)
    was = Folder(str(source)).load()
    source_toys.assert_same(was, Folder(str(folder)).load())
    (folder / "cohort.yaml").write_bytes((source / "cohort.yaml").read_bytes())
    source_toys.assert_same(was, Folder(str(folder)).load())
    return told


def header(file: Path) -> bytes:
    return file.read_bytes().splitlines()[0].removeprefix(b"\xef\xbb\xbf").replace(b'"', b"")


def test_cases_are_there() -> None:
    assert len(GOOD) > 35


GOOD = [case for case in cells.CASES if not case.error]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_cells(case: cells.Case, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    cells.load(tmp_path / "source", case)
    told = there_and_back(tmp_path / "source", tmp_path / "back")
    assert header(tmp_path / "back" / "t.csv") == header(tmp_path / "source" / "t.csv")
    assert any("chapters" in line for line in told) == (case.name in NO_CODE)


@pytest.mark.parametrize(("top", "raw"), cells.FORMS)
def test_dialects(top: str, raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    cells.load(tmp_path / "source", cells.Case("", cells.ONE.cells, cells.ONE.declared, top=top), raw)
    there_and_back(tmp_path / "source", tmp_path / "back")
    assert header(tmp_path / "back" / "t.csv") == header(tmp_path / "source" / "t.csv")


@pytest.mark.parametrize("case", [*series.CASES, *series.LOST])
def test_series(case: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    modalities, files, _ = {**series.CASES, **series.LOST}[case]
    series.load(source, modalities, files)
    there_and_back(source, tmp_path / "back")
    for name in files:
        assert header(tmp_path / "back" / name) == header(source / name)


@pytest.mark.parametrize("case", pictures.LOADS)
def test_pictures(case: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    name, write, more, _ = pictures.LOADS[case]
    write(source / name)
    pictures.load(source, pictures.IMAGE + more, name)
    told = there_and_back(source, tmp_path / "back")
    assert any("in the place of" in line for line in told) == (not name.endswith(".png"))


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("case", [*series.CASES])
def test_series_in_another_kind_of_file(case: str, form: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    modalities, files, _ = series.CASES[case]
    series.load(source, modalities, files)
    folder, _ = back(source, tmp_path / "back", form)
    source_toys.assert_same(Folder(str(source)).load(), Folder(str(folder)).load())
    assert {file.suffix for file in folder.iterdir()} == {f".{form}", ".yaml"}


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_cells_in_parquet(case: cells.Case, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    cells.load(tmp_path / "source", case)
    folder, _ = back(tmp_path / "source", tmp_path / "back", "parquet")
    source_toys.assert_same(Folder(str(tmp_path / "source")).load(), Folder(str(folder)).load())


def test_joined_tables_are_files_of_their_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    joined.folder.__wrapped__(source)
    told = there_and_back(source, tmp_path / "back")
    for name in ("stays.csv", "people.csv", "labs.csv"):
        assert header(tmp_path / "back" / name) == header(source / name)
    rows = (tmp_path / "back" / "people.csv").read_text().splitlines()[1:]
    assert rows == ["synthetic-1;1,7", "synthetic-2;1,7", "synthetic-3;1,8", "synthetic-4;"]
    assert told == ["columns that cohort.yaml does not declare, or that were not generated, are empty: lab weight"]


def test_a_key_that_records_share_has_one_row(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "wards.csv").write_text("ward,beds\nA,10\nB,20\n")
    raw = b"p,y,ward\np0,0,A\np1,1,B\np2,1,A\n"
    columns = "{name: ward, type: category, categories: [A, B]}, {name: beds}"
    cells.load(source, cells.Case("", [], columns, top="tables: [{file: wards.csv, key: ward}]\n"), raw)
    there_and_back(source, tmp_path / "back")
    assert (tmp_path / "back" / "wards.csv").read_bytes() == (source / "wards.csv").read_bytes()
    made = Folder(str(source)).load()
    made.data["table"].frame["beds"] = [10.0, 20.0, 30.0]
    (tmp_path / "other").mkdir()
    told = Folder.write(Folder(str(source)).source(), made, tmp_path / "other")
    assert told == ["1 records share a row of wards.csv with one that is otherwise: the first one's is written"]


@pytest.mark.parametrize(
    "label",
    [
        f"conditions: [{labels.NUMBER}, cuts: [10, 30]}}]\n",
        f"label: {{event: died, time: days}}\nconditions: [{{name: los, low: 0, high: 100}}, {labels.EVENT}]\n",
        "conditions: []\n",
        f"label: none\nconditions: [{labels.NUMBER}}}]\n",
    ],
)
def test_labels_stand_in_their_own_columns(label: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    labels.folder(source, label)
    there_and_back(source, tmp_path / "back")
    was, now = (pd.read_csv(folder / "m.csv") for folder in (source, tmp_path / "back"))
    assert list(was.columns) == list(now.columns)
    for name in ("los", "status", "days"):
        assert now[name].notna().any() == (name in label)


def test_dates_count_from_made_up_days(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    raw = (
        b"p,y,born,admitted,left\np0,0,03/02/1950,2020-01-31 10:00,31.01.2021\np1,1,,2020-02-01 00:00,\n"
        b"p2,1,04/02/1950,,\np3,1,04/02/1951,2020-02-01 23:30,01.02.2020\n"
    )
    columns = (
        '{name: age, column: admitted, date: "%Y-%m-%d %H:%M", since: born, since_date: "%d/%m/%Y"}, '
        '{name: stay, column: left, date: "%d.%m.%Y", since: admitted, since_date: "%Y-%m-%d %H:%M"}'
    )
    cells.load(source, cells.Case("", [], columns), raw)
    told = there_and_back(source, tmp_path / "back")
    now = pd.read_csv(tmp_path / "back" / "t.csv", dtype=str, keep_default_na=False)
    assert set(now["born"]) == {"01/01/2000"} and now["admitted"].str.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d|").all()
    assert "dates that count from born begin at a made-up 2000-01-01" in told
    assert not set(now["admitted"]) & {"2020-01-31 10:00", "2020-02-01 23:30"}


def test_a_sheet_has_the_cells_of_its_types(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    import datetime as dt

    source = tmp_path / "source"
    source.mkdir()
    book = openpyxl.Workbook()
    book.active.append(["nothing"])
    page = book.create_sheet("stays")
    page.append(["p", "y", "x", "d", "f", "word"])
    page.append([7, 0, 1.5, dt.datetime(2020, 1, 31), True, "=a"])
    page["F2"].data_type = "s"
    page.append([8, 1, 2.0, None, False, "b"])
    people = book.create_sheet("people")
    people.append(["p", "kg"])
    people.append([8, 70])
    people.append([7, 71.5])
    book.save(source / "t.xlsx")
    columns = (
        '{name: x}, {name: d, date: "%Y-%m-%d", since: "2020-01-01"}, {name: f, type: flag}, {name: kg}, '
        '{name: word, type: category, categories: ["=a", b]}'
    )
    top = cells.HEAD.replace("t.csv", "t.xlsx") + "sheet: stays\ntables: [{file: t.xlsx, sheet: people, key: p}]\n"
    (source / "cohort.yaml").write_text(top + cells.TAIL % columns)
    there_and_back(source, tmp_path / "back")
    written = openpyxl.load_workbook(tmp_path / "back" / "t.xlsx")
    assert [cell.value for cell in written["stays"][2]][1:] == [0, 1.5, dt.datetime(2020, 1, 31), True, "=a"]
    assert isinstance(written["stays"]["A2"].value, int) and [c.value for c in written["people"][3]][1:] == [70]
    for form in ("csv", "parquet"):
        folder, _ = back(source, tmp_path / form, form)
        source_toys.assert_same(Folder(str(source)).load(), Folder(str(folder)).load())


def test_moments_of_a_parquet_keep_their_types(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    source = tmp_path / "source"
    source.mkdir()
    frame = pd.DataFrame({"id": np.array([1, 1, 2], np.int32), "variable": "hr", "value": [80.0, 90, 70]})
    frame["time"] = pd.to_datetime(["2024-01-01 00:00", "2024-01-01 03:00", "2024-05-05 00:00"])
    frame.to_parquet(source / "long.parquet")
    manifest = series.MANIFEST.replace("r1", "1").replace("r2", "2")
    text = series.LONG.replace("long.csv", "long.parquet") + "clock: {}, window: [0, 4], steps: 2}"
    series.load(source, text, {"manifest.csv": manifest})
    told = there_and_back(source, tmp_path / "back")
    assert pq.read_schema(tmp_path / "back" / "long.parquet").types == pq.read_schema(source / "long.parquet").types
    assert "times of long.parquet begin at a made-up 2000-01-01" in told


def test_pictures_are_called_after_records_that_nobody_is(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pictures._many(source)
    modalities = (
        "  x: {kind: image, folder: scans, files: '{id}_*.png', shape: [1, 2, 2]}\n"
        "  y: {kind: image, folder: scans, files: '{id}_*.png', shape: [1, 2, 2], view: 2}"
    )
    pictures.load(source, modalities)
    there_and_back(source, tmp_path / "back")
    names = sorted(file.name for file in (tmp_path / "back" / "scans").iterdir())
    assert names == ["synthetic-1_1.png", "synthetic-1_2.png", "synthetic-2_1.png"]


@pytest.mark.parametrize("split", [", split: ';'", ""])
def test_views_stand_in_one_cell_or_in_a_folder(split: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pictures._many(source)
    cell = "r1_2.png;r1_10.png" if split else "first"
    if not split:
        (source / "scans" / "first").mkdir()
        for at in (1, 2):
            pictures.png(source / "scans" / "first" / f"{at}.png", np.full((2, 2), at, np.uint8))
    one = f"{{kind: image, folder: scans, column: file{split}, shape: [1, 2, 2]"
    pictures.load(source, f"  x: {one}}}\n  y: {one}, view: 2}}", cell)
    there_and_back(source, tmp_path / "back")


def test_a_folder_of_slices_is_one_clip_and_told(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "ct").mkdir(parents=True)
    for at, name in enumerate(("c", "b", "a")):
        pictures.dicom(source / "ct" / name, np.full((2, 2), 10 * at, np.uint8), InstanceNumber=at + 1)
    pictures.load(source, "  x: {kind: video, column: file, shape: [3, 1, 2, 2]}", "ct")
    told = there_and_back(source, tmp_path / "back")
    assert "x: .png files in the place of .dcm" in told
    assert "x: a clip is one file, where the source has several frames" in told


def test_a_pattern_of_dicom_names_png_files(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pictures.dicom(source / "r1.dcm", np.full((2, 2), 9, np.uint8))
    pictures.load(source, "  x: {kind: image, files: '{id}.dcm', shape: [1, 2, 2]}")
    folder, told = back(source, tmp_path / "back")
    source_toys.assert_same(Folder(str(source)).load(), Folder(str(folder)).load())
    assert (folder / "synthetic-1.png").is_file() and "x: files are called {id}.png" in told


def test_letters_that_an_encoding_lacks_are_told(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    raw = "p,y,x\np0,0,ä\np1,1,b\n".encode("latin-1")
    (source / "t.csv").write_bytes(raw)
    (source / "cohort.yaml").write_text(
        cells.HEAD + "encoding: latin-1\nconditions: [{name: y, type: flag}]\nmodalities: {n: {kind: text, column: x}}\n"
    )
    there_and_back(source, tmp_path / "back")
    assert "ä".encode("latin-1") in (tmp_path / "back" / "t.csv").read_bytes()
    made = replace(Folder(str(source)).load(), data={"n": Text(("血", "ä"))})
    (tmp_path / "other").mkdir()
    told = Folder.write(Folder(str(source)).source(), made, tmp_path / "other")
    assert "1 cells of t.csv hold letters that latin-1 lacks: they are ?" in told


def made_of(columns: str, cell: str, frame: dict[str, object], folder: Path) -> tuple[list[str], list[str]]:
    """(cells of column x, what is told) of made-up values."""
    (folder / "source").mkdir()
    cells.load(folder / "source", cells.Case("", [cell], columns))
    dataset = Folder(str(folder / "source"))
    n = len(next(iter(frame.values())))  # type: ignore[arg-type]
    made = replace(dataset.load().take(np.zeros(n, int)), data={"table": Table(pd.DataFrame(frame))})
    made = replace(made, present={"table": np.ones(n, bool)})
    (folder / "back").mkdir()
    told = Folder.write(dataset.source(), made, folder / "back")
    Folder(str(folder / "back")).load()
    return pd.read_csv(folder / "back" / "t.csv", dtype=str, keep_default_na=False)["x"].tolist(), told


NAN = np.nan
MADE = {
    "half a pair": (
        "{name: s, column: x, split: /, part: 1, step: 1}, {name: d, column: x, split: /, part: 2, step: 1}",
        "120/80", {"s": [121.0, NAN, NAN, 120], "d": [NAN, 80, NAN, 80]}, ["", "", "", "120/80"], "2 cells of x have only some of their parts: they are empty",
    ),
    "a part that nobody declared": ("{name: s, column: x, split: /, part: 2, step: 1}", "120/80", {"s": [81.0]}, ["/81"], "part 1 of x is not declared: it is empty"),
    "no code": (
        "{name: a, column: x, type: flag, split: ;, holds: I10}, {name: b, column: x, type: flag, split: ;, holds: E11}",
        "I10", {"a": [1.0, 0, NAN], "b": [1.0, 0, NAN]}, ["I10;E11", "none", ""], "1 cells of x hold none of the declared codes: they say 'none'",
    ),
    "a bound": ("{name: x, below: 0.1, step: 0.1}", "<0.1", {"x": [0.1, 0.5]}, ["0.1", "0.5"], "bounds of x are written as the number that they bound"),
    "the first code for missing": ("{name: x, missing: [-9, 999], step: 1}", "5", {"x": [NAN, 5, 999]}, ["-9", "5", "999"], "1 values of x are codes for missing: they are read as missing"),
    "all marks": ("{name: x, suffix: ' %', decimal: ',', thousands: '.', step: 0.1}", "5", {"x": [-1234567.8, 0.5]}, ["-1.234.567,8 %", "0,5 %"], None),
    "a year of two digits": ("{name: x, date: '%d.%m.%y', since: '2020-01-01'}", "01.01.20", {"x": [30.4, 36525.0]}, ["31.01.20", ""], "1 dates of x have nothing to count from, or no day in its form: they are empty"),
    "a chapter": ("{name: x, type: category, group: icd10}", "I10", {"x": ["I00-I99"]}, ["I00-I99"], "x has chapters of icd10 in the place of codes"),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE)
def test_what_cannot_be_as_in_the_source_is_told(case: str, tmp_path: Path) -> None:
    columns, cell, frame, expected, line = MADE[case]
    found, told = made_of(columns, cell, frame, tmp_path)
    assert found == expected
    assert line in told if line else told == []


ROW = "  s: {kind: series, layout: row, times: [0, 1, 2], %ssteps: 3, columns: [{name: hr, column: 'hr_{}', step: 1}]}"
CLOCK = series.LONG + "clock: {}, window: [0, 4], steps: 2}"
ONE_TIME = {"long.csv": "id,time,variable,value\nr1,2024-01-01,hr,80\nr2,2024-01-01,hr,70\n"}
HOURS = {"manifest.csv": "id,label,hr_0,hr_1,hr_2\nr1,a,80,91,85\nr2,b,,,70\n"}
DRAWN = {
    "times between hours, in order": (ROW % "", HOURS, [[0.4, 0.5, 0.6], [1.9, 2.2, 0]], [[1, 1, 1], [1, 1, 0]], None),
    "the later of two bins": (CLOCK, ONE_TIME, [[1, 3], [1, 3]], [[0, 1], [1, 1]], "times of long.csv begin at a made-up 2000-01-01"),
    "a day where hours are asked for": (
        series.LONG + "clock: {format: '%d.%m.%Y', since: admitted, since_format: '%Y-%m-%d %H:%M'}, window: [0, 48], steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,01.04.2024,hr,80\nr2,01.04.2024,hr,70\n"},
        [[12, 36], [12, 36]], [[0, 1], [1, 0]], "dates that count from admitted begin at a made-up 2000-01-01",
    ),
}  # fmt: skip


def drawn(folder: Path, modalities: str, files: dict[str, str], time: object, seen: object) -> tuple[Cohort, Cohort, list[str]]:
    """(made-up values of two records, what is read of them, what is told)."""
    (folder / "source").mkdir()
    was = series.load(folder / "source", modalities, files)
    shape = was.data["s"].values.shape
    here = np.asarray(seen, bool)[:, :, None]
    values = np.where(here, 60 + np.arange(np.prod(shape)).reshape(shape), 0).astype(np.float32)
    made = replace(
        was, data={"s": Series(np.asarray(time, np.float32), values, here)}, present={"s": here.any(axis=(1, 2))}, dropped={}
    )
    (folder / "back").mkdir()
    told = Folder.write(Folder(str(folder / "source")).source(), made, folder / "back")
    return made, Folder(str(folder / "back")).load(), told


@pytest.mark.parametrize("case", DRAWN)
def test_steps_that_were_drawn_are_the_same_steps(case: str, tmp_path: Path) -> None:
    modalities, files, time, seen, line = DRAWN[case]
    made, now, told = drawn(tmp_path, modalities, files, time, seen)
    np.testing.assert_array_equal(now.data["s"].seen, made.data["s"].seen)
    np.testing.assert_array_equal(now.data["s"].values, made.data["s"].values)
    assert line is None or line in told


def test_values_for_which_there_is_no_hour_are_told(tmp_path: Path) -> None:
    text = ROW % "window: [0, 6], "
    _, now, told = drawn(tmp_path, text, HOURS, [[1, 3, 5], [1, 3, 5]], [[1, 1, 1], [1, 1, 0]])
    assert now.data["s"].seen[:, :, 0].tolist() == [[True, True, False], [True, True, False]]
    assert told == ["1 values of s fall at no time that has a column: they are left out"]


def test_two_modalities_of_one_wide_table_share_its_rows(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    part = "{kind: series, file: wide.csv, layout: wide, record: id, time: hour, steps: 2, columns: [{name: %s}]}"
    wide = "id,hour,hr,o2\nr1,0,80,\nr1,1,,97\nr2,0,70,99\n"
    series.load(source, f"  s: {part % 'hr'}\n  t: {part % 'o2'}", {"wide.csv": wide})
    there_and_back(source, tmp_path / "back")
    lines = (tmp_path / "back" / "wide.csv").read_text()
    assert lines == wide.replace("r1", "synthetic-1").replace("r2", "synthetic-2")


def test_names_that_are_whole_numbers_stay_whole_numbers(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    manifest = series.MANIFEST.replace("r1", "101").replace("r2", "102")
    long = "id,time,variable,value\n101,0,hr,80\n102,0,hr,70\n"
    series.load(source, series.LONG + "steps: 1}", {"manifest.csv": manifest, "long.csv": long})
    there_and_back(source, tmp_path / "back")
    for name in ("manifest.csv", "long.csv"):
        was, now = (pd.read_csv(folder / name) for folder in (source, tmp_path / "back"))
        assert now["id"].dtype == was["id"].dtype and not set(now["id"]) & set(was["id"])
