"""One small table a case: what people write in cells, and what becomes of it by declaration: values, a refusal, or a count."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.folder import Folder

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort

NAN = float("nan")
HEAD = "version: 1\nlicence: CC0-1.0\nmanifest: t.csv\npatient: p\nmin_class_patients: 0\n"
TAIL = "conditions: [{name: y, type: flag}]\nmodalities: {table: {kind: table, columns: [%s]}}\n"


@dataclass(frozen=True)
class Case:
    """cells: of column x; declared: its line, or lines; values: by column name, error: words of the refusal, lost: counts."""

    name: str
    cells: Sequence[str]
    declared: str
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    error: str = ""
    lost: Mapping[str, int] = field(default_factory=dict)
    top: str = ""
    header: Sequence[str] = ("p", "y", "x")


def written(case: Case, separator: str = ",") -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator)
    writer.writerow(case.header)
    writer.writerows([f"p{at}", at % 2, cell] for at, cell in enumerate(case.cells))
    return stream.getvalue()


def load(folder: Path, case: Case, raw: bytes | None = None) -> Cohort:
    (folder / "t.csv").write_bytes(raw if raw is not None else written(case).encode())
    (folder / "cohort.yaml").write_text(HEAD + case.top + TAIL % case.declared)
    return Folder(root=str(folder)).load()


X = "{name: x, low: -1000, high: 100000%s}"
CASES = [
    Case("plain numbers", ["1", "2.5", "", "-3e2"], X % "", {"x": [1, 2.5, NAN, -300]}),
    Case("a decimal comma", ["1,5", "2", ",5", "-1,5E+02"], X % ', decimal: ","', {"x": [1.5, 2, 0.5, -150]}),
    Case("a decimal comma that nobody declared", ["1,5", "2"], X % "", error='declare `decimal: ","`'),
    Case("a point where commas are declared", ["1,5", "2.5"], X % ', decimal: ","', error="not a number"),
    Case("thousands", ["1,234", "12,345.5", "7"], X % ', thousands: ","', {"x": [1234, 12345.5, 7]}),
    Case("thousands in the wrong place", ["12,34"], X % ', thousands: ","', error="not a number"),
    Case("german thousands", ["1.234,5", "99.999", "7"], X % ', decimal: ",", thousands: "."', {"x": [1234.5, 99999, 7]}),
    Case("swiss thousands", ["1'234.5", "7"], X % """, thousands: "'" """, {"x": [1234.5, 7]}),
    Case("decimals of the whole file", ["1,5", "2"], X % "", {"x": [1.5, 2]}, top='decimal: ","\n'),
    Case("a per cent sign", ["98 %", "97%", "96"], X % ', suffix: " %"', {"x": [98, 97, 96]}),
    Case("degrees", ["36.9 °C", "40 °C"], X % ', suffix: " °C"', {"x": [36.9, 40]}),
    Case("two units in one column", ["36.9 °C", "98.4 °F"], X % ', suffix: " °C"', error="not a number"),
    Case("a unit that nobody declared", ["98 %"], X % "", error="declare it as `suffix`"),
    Case("blood pressure", ["120/80", "", "90/60"], "{name: s, column: x, split: /, part: 1}, {name: d, column: x, split: /, part: 2}", {"s": [120, NAN, 90], "d": [80, NAN, 60]}),
    Case("blood pressure as one number", ["120/80"], X % "", error="declare two columns"),
    Case("three parts where two are declared", ["120/80/60"], X % ", split: /, part: 1", error="not exactly 2 parts"),
    Case("below a limit", ["<0.1", "0.5", "< 0.2", "≤0.1"], X % ", below: 0.1", {"x": [0.1, 0.5, 0.2, 0.1]}, lost={"cells of x below or above a bound, read as the bound": 3}),
    Case("above a limit", [">1000", "5"], X % ", above: 1000", {"x": [1000, 5]}, lost={"cells of x below or above a bound, read as the bound": 1}),
    Case("a bound that nobody declared", ["<0.1"], X % "", error="declare `below`"),
    Case("a bound on the other side", [">5", "1"], X % ", below: 0.1", error="not a number"),
    Case("codes for missing", ["-9", "5", "999", "-9.0"], X % ", missing: [-9, 999]", {"x": [NAN, 5, NAN, NAN]}, lost={"cells of x that say missing by code": 3}),
    Case("a code that is a value elsewhere", ["-9", "5"], X % "", {"x": [-9, 5]}),
    Case("words for missing", ["NA", "5", "nan", ""], X % "", {"x": [NAN, 5, NAN, NAN]}, lost={"cells of t.csv with a word for missing": 2}),
    Case("a word that is mapped", ["?", "5"], X % ', map: {"?": null}', {"x": [NAN, 5]}, lost={"cells of x mapped to missing": 1}),
    Case("a word among numbers", ["5", "high"], X % "", error="`map` the word"),
    Case("out of range, missing", ["5", "99999"], "{name: x, low: 0, high: 10, outside: missing}", {"x": [5, NAN]}, lost={"cells of x outside 0 to 10, read as missing": 1}),
    Case("out of range, clipped", ["5", "99999"], "{name: x, low: 0, high: 10, outside: clip}", {"x": [5, 10]}, lost={"cells of x outside 0 to 10, clipped": 1}),
    Case("out of range", ["5", "99999"], "{name: x, low: 0, high: 10}", error="outside 0 to 10"),
    Case("days since a day", ["2020-01-31", "2020-03-01", ""], X % ', date: "%Y-%m-%d", since: "2020-01-01"', {"x": [30, 60, NAN]}),
    Case("a time of day", ["31.01.2020 12:00"], X % ', date: "%d.%m.%Y %H:%M", since: "2020-01-31"', {"x": [0.5]}),
    Case("a date of another form", ["2020-01-31", "31.01.2020"], X % ', date: "%Y-%m-%d", since: "2020-01-01"', error="not a date of the form %Y-%m-%d"),
    Case("a day that is none", ["2020-02-30"], X % ', date: "%Y-%m-%d", since: "2020-01-01"', error="not a date"),
    Case("a form without a month", ["2020"], X % ', date: "%Y", since: "2020-01-01"', error="a form of dates has %d, %m (or %b) and %Y"),
    Case("a date without a day to count from", ["2021-05-07"], X % ', date: "%Y-%m-%d"', error="date (the form) and since"),
    Case("flags with gaps", ["True", "false", "", "1", "no"], "{name: x, type: flag}", {"x": [1, 0, NAN, 1, 0]}),
    Case("leading zeros", ["007", "7", "07"], '{name: x, type: category, categories: ["007", "07", "7"]}', {"x": ["007", "7", "07"]}),
    Case("an integer that floats hold", ["9007199254740992"], "{name: x}", {"x": [2.0**53]}),
    Case("an integer that floats round", ["9007199254740993"], "{name: x}", error="beyond 2^53"),
    Case("an integer that floats round, with marks", ["9,007,199,254,740,993"], '{name: x, thousands: ","}', error="beyond 2^53"),
    Case("a large integer as a category", ["9007199254740993"], '{name: x, type: category, categories: ["9007199254740993"]}', {"x": ["9007199254740993"]}),
    Case("categories and the rest", ["a", "b", "z", "y"], "{name: x, type: category, categories: [a, b, other], other: other}", {"x": ["a", "b", "other", "other"]}, lost={"cells of x that are no category of their own, read as 'other'": 2}),
    Case("a category that is not listed", ["a", "z"], "{name: x, type: category, categories: [a]}", error="name the category of all `other` values"),
    Case("codes by chapter", ["I10", "e11.9", "S72.0", ""], "{name: x, type: category, group: icd10}", {"x": ["I00-I99", "E00-E90", "S00-T98", NAN]}, lost={"codes of x read as their chapter": 3}),
    Case("a code of no chapter", ["I10", "250.00"], "{name: x, type: category, group: icd10}", error="unknown category"),
    Case("codes of no chapter, declared", ["I10", "250.00"], "{name: x, type: category, group: icd10, other: none}", {"x": ["I00-I99", "none"]}, lost={"codes of x read as their chapter": 1, "cells of x that are no category of their own, read as 'none'": 1}),
    Case("several codes in a cell", ["I10;E11", "E11; Z99", "", "I10"], "{name: a, column: x, type: flag, split: ;, holds: I10}, {name: b, column: x, type: flag, split: ;, holds: E11}", {"a": [1, 0, NAN, 1], "b": [1, 1, NAN, 0]}, lost={"codes of x that no flag holds": 1}),
    Case("several codes by chapter", ["I10|E11", "Z00"], '{name: a, column: x, type: flag, split: "|", holds: I00-I99, group: icd10}', {"a": [1, 0]}, lost={"codes of x that no flag holds": 2}),
    Case("a flag of a code without a mark", ["I10"], "{name: x, type: flag, holds: I10}", error="part and holds need `split`"),
    Case("a suffix of a flag", ["1"], '{name: x, type: flag, suffix: "%"}', error="suffix belong to type number"),
    Case("quotes and line breaks", ['say "a"\nthen b', "b"], "{name: x, type: category, categories: [b, other], other: other}", {"x": ["other", "b"]}, lost={"cells of x that are no category of their own, read as 'other'": 1}),
    Case("a chinese name", ["5"], "{name: 血压}", {"血压": [5]}, header=("p", "y", "血压")),
    Case("an arabic name", ["5"], "{name: ضغط الدم}", {"ضغط الدم": [5]}, header=("p", "y", "ضغط الدم")),
    Case("a german name", ["5"], "{name: Körpergröße}", {"Körpergröße": [5]}, header=("p", "y", "Körpergröße")),
    Case("a name that is nearly right", ["5"], "{name: Körpergrösse}", error="Did you mean 'Körpergröße'?", header=("p", "y", "Körpergröße")),
    Case("a column that is called label", ["5", "6"], "{name: label}", {"label": [5, 6]}, header=("p", "y", "label")),
    Case("nothing in a column", ["", ""], "{name: x}, {name: y2, column: y}", {"x": [NAN, NAN]}),
    Case("a column of one name with another", ["5", "6"], '{name: x, column: "y (2)"}', {"x": [5, 6]}, header=("p", "y", "y")),
    Case("a column without a name", ["5"], "{name: x, column: column 3}", {"x": [5]}, header=("p", "y", "")),
    Case("a column that is not used", ["5"], "{name: y2, column: y}", {"y2": [0]}, lost={"columns of t.csv that are not used": 1}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cells_are_read_refused_or_counted(case: Case, tmp_path: Path) -> None:
    if case.error:
        with pytest.raises(DatasetError) as caught:
            load(tmp_path, case)
        assert case.error in str(caught.value)
        assert not any(len(cell) > 8 and cell in str(caught.value) for cell in case.cells)  # no patient in a message
        return
    cohort = load(tmp_path, case)
    frame = cohort.data["table"].frame
    for name, expected in case.values.items():
        pd.testing.assert_series_equal(
            pd.Series(list(frame[name])), pd.Series(list(expected)), check_dtype=False, check_names=False
        )
    assert dict(cohort.dropped) == dict(case.lost)


ONE = Case("", ["ä", "b"], "{name: x, type: category, categories: [ä, b]}")
FORMS = [
    ("separator: ';'\n", written(ONE, ";").encode()),
    ('separator: "\\t"\n', written(ONE, "\t").encode()),
    ("separator: '|'\n", written(ONE, "|").encode()),
    ("encoding: latin-1\n", written(ONE).encode("latin-1")),
    ("encoding: utf-16\n", written(ONE).encode("utf-16")),
    ("encoding: utf-16-le\n", written(ONE).encode("utf-16-le")),
    ("", b"\xef\xbb\xbf" + written(ONE).encode()),
    ("", written(ONE).replace("\r\n", ",\r\n").encode()),
    ("", written(ONE).replace("\r\n", ",,,\r\n").replace("x,,,", "x", 1).encode()),
    ("", (written(ONE) + "\r\n\r\n").encode()),
]


@pytest.mark.parametrize(("top", "raw"), FORMS, ids=["semicolon", "tab", "bar", "latin", "utf-16", "without mark", "mark", "trailing", "trailing rows", "blank lines"])  # fmt: skip
def test_a_file_is_read_as_it_is_declared(top: str, raw: bytes, tmp_path: Path) -> None:
    cohort = load(tmp_path, Case("", ONE.cells, ONE.declared, top=top), raw)
    assert cohort.data["table"].frame["x"].tolist() == ["ä", "b"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (written(ONE).encode("latin-1"), "declare its `encoding`"),
        ("p,y,x\np0,0,a\n".encode("utf-16-le"), "declare `encoding: utf-16`"),
        (written(ONE, ";").encode(), "declare `separator: \";\"`"),
        (b"p,y,x\np0,0,a\np1,1,a,b\n", "t.csv:3: 4 cells where the header has 3"),
        (b"", "the file is empty"),
        (b'p,y,x\np0,0,"a\n', "a quote that is not closed"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_as_declared_says_the_way_out(raw: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, ONE, raw)
    assert words in str(caught.value)


def test_row_names_without_a_header_are_a_column_without_a_name(tmp_path: Path) -> None:
    raw = b"p y x\n1 p0 0 a\n2 p1 1 b\n"
    cohort = load(tmp_path, Case("", [], "{name: x, type: category, categories: [a, b]}", top="separator: ' '\n"), raw)
    assert cohort.data["table"].frame["x"].tolist() == ["a", "b"]
    assert cohort.dropped == {"columns of t.csv that are not used": 1}


def test_dates_count_from_a_column_of_the_patient(tmp_path: Path) -> None:
    raw = b"p,y,x,born\np0,0,2020-01-31,2020-01-01\np1,1,2020-02-01,\np2,1,,2020-01-01\n"
    cohort = load(tmp_path, Case("", [], X % ', date: "%Y-%m-%d", since: born'), raw)
    assert np.array_equal(cohort.data["table"].frame["x"], [30, NAN, NAN], equal_nan=True)
    assert cohort.dropped == {"dates of x without a day in born to count from": 1}


def test_a_parquet_of_typed_cells_needs_no_marks(tmp_path: Path) -> None:
    frame = pd.DataFrame({"p": ["a", "b", "c"], "y": [0, 1, 1], "x": [1.5, None, -9.0], "d": pd.to_datetime(["2020-01-03", None, "2020-01-01"]), "f": pd.array([True, None, False], dtype="boolean")})  # fmt: skip
    frame.to_parquet(tmp_path / "t.parquet")
    columns = '{name: x, decimal: ",", missing: [-9]}, {name: d, date: "%Y-%m-%d", since: "2020-01-01"}, {name: f, type: flag}'
    (tmp_path / "cohort.yaml").write_text(HEAD.replace("t.csv", "t.parquet") + TAIL % columns)
    with pytest.raises(DatasetError, match="not a number"):
        Folder(root=str(tmp_path)).load()  # cells that became words by `missing` are read by the declared mark
    (tmp_path / "cohort.yaml").write_text(HEAD.replace("t.csv", "t.parquet") + TAIL % columns.replace('decimal: ",", ', ""))
    read = Folder(root=str(tmp_path)).load().data["table"].frame
    assert np.array_equal(read["x"], [1.5, NAN, NAN], equal_nan=True) and np.array_equal(read["d"], [2, NAN, 0], equal_nan=True)
    assert np.array_equal(read["f"], [1, NAN, 0], equal_nan=True)


def test_an_excel_sheet_is_read_like_a_csv(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    import datetime as dt

    book = openpyxl.Workbook()
    book.active.append(["p", "y", "x", "d", "f", None])
    book.active.append(["007", 0, 1.5, dt.datetime(2020, 1, 31), True])
    book.active.append([])
    book.active.append(["p1", 1, 2.0, None, False])
    book.create_sheet("more").append(["nothing"])
    book.save(tmp_path / "t.xlsx")
    columns = '{name: x}, {name: d, date: "%Y-%m-%d", since: "2020-01-01"}, {name: f, type: flag}'
    top = HEAD.replace("t.csv", "t.xlsx")
    (tmp_path / "cohort.yaml").write_text(top + TAIL % columns)
    cohort = Folder(root=str(tmp_path)).load()
    assert cohort.data["table"].frame["x"].tolist() == [1.5, 2.0] and cohort.data["table"].frame["f"].tolist() == [1, 0]
    assert cohort.data["table"].frame["d"].tolist()[0] == 30 and cohort.dropped == {"empty rows of t.xlsx": 1}
    (tmp_path / "cohort.yaml").write_text(top + "sheet: mor\n" + TAIL % columns)
    with pytest.raises(DatasetError, match=r"no sheet 'mor'\. Did you mean 'more'"):
        Folder(root=str(tmp_path)).load()
    (tmp_path / "t.xlsx").write_bytes(b"no zip")
    with pytest.raises(DatasetError, match="not an Excel file"):
        Folder(root=str(tmp_path)).load()


def test_excel_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    (tmp_path / "t.xlsx").write_bytes(b"")
    (tmp_path / "cohort.yaml").write_text(HEAD.replace("t.csv", "t.xlsx") + TAIL % "{name: x}")
    with pytest.raises(DatasetError, match=r"fpmg-bench\[excel\]"):
        Folder(root=str(tmp_path)).load()
