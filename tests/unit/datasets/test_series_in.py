"""Series in every form that hospitals send: small cohorts of two records, one a case, with what each loads to, loses or is refused for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.folder import Folder

from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort, Series

HEAD = """\
version: 1
licence: CC0-1.0
manifest: manifest.csv
record: id
patient: id
min_class_patients: 1
conditions: [{name: label, type: category, categories: [a, b]}]
modalities:
"""
MANIFEST = "id,label,admitted\nr1,a,2024-03-31 08:00\nr2,b,2024-03-31 20:00\n"
LONG = "  s: {kind: series, file: long.csv, record: id, columns: [{name: hr, low: 0, high: 300}], "
NAN = np.nan


def counted(cohort: Cohort) -> dict[str, int]:
    """What was lost, without columns of the manifest that a case does not name."""
    return {reason: count for reason, count in cohort.dropped.items() if not reason.startswith("columns of manifest")}


def load(folder: Path, modalities: str, files: Mapping[str, str]) -> Cohort:
    (folder / "cohort.yaml").write_text(HEAD + modalities + "\n")
    for name, text in ({"manifest.csv": MANIFEST} | dict(files)).items():
        (folder / name).write_text(text)
    return Folder(root=str(folder)).load()


def seen(cohort: Cohort) -> list[Any]:
    """Values [n][t][c] of the series, NaN where nothing is seen."""
    series: Series = cohort.data["s"]
    return np.where(series.seen, series.values, NAN).tolist()


CASES: dict[str, tuple[str, dict[str, str], list[Any]]] = {
    "numeric times": (
        LONG + "steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,0,hr,80\nr1,1.5,hr,90\nr2,3,hr,70\n"},
        [[[80], [90]], [[70], [NAN]]],
    ),
    "timestamps from the record's first": (
        LONG + "clock: {}, window: [0, 4], steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,2024-03-31 01:30,hr,80\nr1,2024-03-31 03:30,hr,90\nr2,2023-12-31T23:59:00Z,hr,70\n"},
        [[[80], [90]], [[70], [NAN]]],
    ),
    "German timestamps from a column of the manifest, in days": (
        LONG + "clock: {format: '%d.%m.%Y %H:%M', since: admitted, since_format: ISO8601, unit: days}, window: [0, 2], steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,31.03.2024 09:00,hr,80\nr2,01.04.2024 21:00,hr,70\n"},
        [[[80], [NAN]], [[NAN], [70]]],
    ),
    "hours and minutes": (
        LONG + "clock: {format: elapsed}, window: [0, 48], steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,00:07,hr,80\nr1,36:30,hr,90\nr2,1 days 01:00:00,hr,70\n"},
        [[[80], [90]], [[NAN], [70]]],
    ),
    "one column a variable": (
        "  s: {kind: series, file: wide.csv, layout: wide, record: id, time: hour, steps: 2, columns: [{name: hr}, {name: spo2, column: SpO2}]}",
        {"wide.csv": "id,hour,hr,SpO2\nr1,0,80,\nr1,1,,97\nr2,0,70,99\nr2,1,,\n"},
        [[[80, NAN], [NAN, 97]], [[70, 99], [NAN, NAN]]],
    ),
    "one column an hour, in the manifest": (
        "  s: {kind: series, layout: row, times: [0, 1, 2], window: [0, 4], steps: 2, columns: [{name: hr, column: 'hr_{}', step: 1}]}",
        {"manifest.csv": "id,label,hr_0,hr_1,hr_2\nr1,a,80,91,\nr2,b,,,70\n"},
        [[[86], [NAN]], [[NAN], [70]]],
    ),
    "one column an hour, in a file, with zeros": (
        "  s: {kind: series, layout: row, file: hours.csv, record: stay, times: [9, 10], steps: 2, columns: [{name: hr, column: 'h{00}_hr'}]}",
        {"hours.csv": "stay,h09_hr,h10_hr\nr2,70,71\nr1,80,81\n"},
        [[[80], [81]], [[70], [71]]],
    ),
    "vitals and labs in one modality": (
        "  s:\n    kind: series\n    file: long.csv\n    record: id\n    clock: {}\n    window: [0, 4]\n    steps: 2\n    columns: [{name: hr}]\n"
        "    more:\n      - {file: labs.csv, record: patient, layout: wide, time: drawn, clock: {format: '%d.%m.%Y %H:%M'}, columns: [{name: lactate}]}",
        {
            "long.csv": "id,time,variable,value\nr1,2024-01-01 10:00,hr,80\nr2,2024-01-01 10:00,hr,70\n",
            "labs.csv": "patient,drawn,lactate\nr1,01.01.2024 08:00,2.5\nr2,01.01.2024 11:00,1.5\n",
        },
        [[[NAN, 2.5], [80, NAN]], [[70, 1.5], [NAN, NAN]]],
    ),
    "words and decimals of one variable are mapped": (
        "  s: {kind: series, file: long.csv, record: id, steps: 1, columns: [{name: crp, map: {'<0.5': 0.25, '-': null}}]}",
        {"long.csv": "id,time,variable,value\nr1,0,crp,<0.5\nr2,0,crp,-\nr2,1,crp,3\nr2,0,crp,4\n"},
        [[[0.25]], [[4]]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_series_loads(case: str, tmp_path: Path) -> None:
    modalities, files, expected = CASES[case]
    np.testing.assert_allclose(seen(load(tmp_path, modalities, files)), expected, rtol=1e-6)


LOST: dict[str, tuple[str, dict[str, str], dict[str, int]]] = {
    "outside the window, and a record that is left with nothing": (
        LONG + "window: [0, 4], steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,-1,hr,80\nr1,4,hr,80\nr1,3,hr,80\nr2,9,hr,70\n"},
        {
            "rows of long.csv outside the window 0 to 4 (widen it to keep them)": 3,
            "s: records that keep no value (a wider window or more columns keep some)": 1,
        },
    ),
    "undeclared variables, and strangers": (
        LONG + "steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,0,hr,80\nr1,0,bp,80\nr1,0,HR,80\nr3,9,hr,70\n"},
        {
            "rows of long.csv of records that are not used": 1,
            "rows of long.csv of variables that are not declared (list them under columns to keep them)": 2,
        },
    ),
    "undeclared columns": (
        "  s: {kind: series, file: wide.csv, layout: wide, record: id, steps: 2, columns: [{name: hr}]}",
        {"wide.csv": "id,time,hr,spo2,bp\nr1,0,80,,\nr1,1,,97,\n"},
        {"wide.csv: columns that are not declared, spo2, bp (list them under columns to keep them)": 2},
    ),
    "an admission that is empty": (
        LONG + "clock: {since: admitted}, steps: 2}",
        {
            "manifest.csv": MANIFEST.replace("2024-03-31 20:00", ""),
            "long.csv": "id,time,variable,value\nr1,2024-03-31 09:00,hr,80\nr2,2024-03-31 09:00,hr,70\n",
        },
        {"rows of long.csv of records whose admitted is empty (fill it in to keep them)": 1},
    ),
    "a heart rate of 99999": (
        "  s: {kind: series, file: long.csv, record: id, steps: 2, columns: [{name: hr, low: 20, high: 250, outside: missing}]}",
        {"long.csv": "id,time,variable,value\nr1,0,hr,99999\nr1,1,hr,80\nr2,0,hr,0\nr2,1,hr,70\n"},
        {"cells of hr outside 20 to 250, read as missing": 2},
    ),
    "several in one bin": (
        LONG + "window: [0, 4], steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,0,hr,80\nr1,1,hr,81\nr1,3,hr,80\nr2,0,hr,70\n"},
        {"s: values in one bin, of which the mean is kept (more steps keep them apart)": 2},
    ),
    "more times than steps": (
        LONG + "steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,0,hr,80\nr1,1,hr,81\nr1,3,hr,80\nr2,0,hr,70\n"},
        {"rows of long.csv beyond 2 steps (raise steps to keep them)": 1},
    ),
    "whole numbers that float32 rounds": (
        "  s: {kind: series, file: long.csv, record: id, steps: 1, columns: [{name: n, step: 1}]}",
        {"long.csv": "id,time,variable,value\nr1,0,n,16777217\nr2,0,n,5\n"},
        {"whole numbers of n beyond 2^24, rounded to 24 bits (count in thousands, or keep them in a table)": 1},
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_what_a_series_loses_is_counted(case: str, tmp_path: Path) -> None:
    modalities, files, expected = LOST[case]
    assert counted(load(tmp_path, modalities, files)) == expected


REFUSED: dict[str, tuple[str, dict[str, str], str]] = {
    "a date in another form": (
        LONG + "clock: {format: '%d.%m.%Y'}, steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,31.03.2024,hr,80\nr1,03/31/2024,hr,80\n"},
        r"long.csv:3: column 'time': not a time of the form %d.%m.%Y",
    ),
    "a date without a clock": (
        LONG + "steps: 2}",
        {"long.csv": "id,time,variable,value\nr1,31.03.2024,hr,80\n"},
        r"long.csv:2: column 'time': not a number",
    ),
    "a column an hour without its place": (
        "  s: {kind: series, layout: row, times: [0, 1], steps: 2, columns: [{name: hr, column: hr_0}]}",
        {"manifest.csv": "id,label,hr_0\nr1,a,80\nr2,b,80\n"},
        r"column 'hr': its name has no place for the time",
    ),
    "an hour that is no column": (
        "  s: {kind: series, layout: row, times: [0, 7], steps: 2, columns: [{name: hr, column: 'hr_{}'}]}",
        {"manifest.csv": "id,label,hr_0\nr1,a,80\nr2,b,80\n"},
        r"has no column 'hr_7'. Did you mean 'hr_0'\?",
    ),
    "a record listed twice": (
        "  s: {kind: series, layout: row, file: h.csv, record: id, times: [0], steps: 1, columns: [{name: hr, column: 'hr_{}'}]}",
        {"h.csv": "id,hr_0\nr1,80\nr1,80\n"},
        r"h.csv:3: column 'id': a second row of one record",
    ),
    "one channel in two tables": (
        "  s: {kind: series, file: a.csv, record: id, steps: 1, columns: [{name: hr}], more: [{file: b.csv, record: id, columns: [{name: hr}]}]}",
        {},
        r"modalities.s: column 'hr' is declared twice",
    ),
    "a table without its record": (
        "  s: {kind: series, file: a.csv, steps: 1, columns: [{name: hr}]}",
        {},
        r"record: the column of the file that names the record is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_a_series_is_refused(case: str, tmp_path: Path) -> None:
    modalities, files, words = REFUSED[case]
    with pytest.raises(DatasetError, match=words):
        load(tmp_path, modalities, files)


def test_timestamps_of_a_parquet_are_typed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["r1", "r1", "r2"], "variable": "hr", "value": [80.0, 90, 70]})
    frame["time"] = pd.to_datetime(["2024-01-01 00:00", "2024-01-01 03:00", "2024-05-05 00:00"])
    frame.to_parquet(tmp_path / "long.parquet")
    cohort = load(tmp_path, LONG.replace("long.csv", "long.parquet") + "clock: {}, window: [0, 4], steps: 2}", {})
    np.testing.assert_array_equal(seen(cohort), [[[80], [90]], [[70], [NAN]]])


def test_370_variables_are_all_kept(tmp_path: Path) -> None:
    names = [f"v{at}" for at in range(370)]
    columns = ", ".join(f"{{name: {name}}}" for name in names)
    rows = "".join(f"r{1 + at % 2},0,{name},{at}\n" for at, name in enumerate(names))
    cohort = load(
        tmp_path,
        f"  s: {{kind: series, file: long.csv, record: id, steps: 1, columns: [{columns}]}}",
        {"long.csv": "id,time,variable,value\n" + rows},
    )
    assert counted(cohort) == {} and cohort.data["s"].values.sum(axis=(0, 1)).tolist() == list(range(370))


DATED = """\
  s:
    kind: series
    file: long.csv
    record: id
    steps: 2
    columns:
      - {name: hr, low: 0, high: 300, step: 1}
      - {name: days, column: last, date: "%d.%m.%Y", since: admitted, since_date: "%Y-%m-%d %H:%M", low: -40, high: 0, outside: missing}
      - {name: born, date: "%d-%b-%Y", since: "1900-01-01", low: 0, high: 40000, step: 1}
"""


def test_dates_among_the_values_count_from_a_day_or_a_date_of_the_record_and_are_written_again(tmp_path: Path) -> None:
    long = "id,time,variable,value\nr1,0,hr,80\nr1,0,last,01.03.2024\nr1,1,last,01.03.2020\nr2,0,born,03-Feb-1950\nr2,1,last,30.03.2024\n"
    cohort = load(tmp_path, DATED, {"long.csv": long})
    assert cohort.data["s"].seen[:, :, 1].tolist() == [[True, False], [False, True]]  # one is out of range, and counted
    np.testing.assert_allclose(cohort.data["s"].values[[0, 1], [0, 1], 1], [-30 - 8 / 24, -1 - 20 / 24], rtol=1e-6)
    assert cohort.data["s"].values[1, 0, 2] == 18_295
    assert counted(cohort) == {"cells of days outside -40 to 0, read as missing": 1}
    (tmp_path / "back").mkdir()
    Folder.write(Folder(root=str(tmp_path)).source(), cohort, tmp_path / "back")
    words = pd.read_csv(tmp_path / "back" / "long.csv", dtype=str).set_index("variable")["value"]
    assert words["born"] == "03-Feb-1950" and words["last"].tolist() == ["02.12.1999", "30.12.1999"] and words["hr"] == "80"
    again = Folder(root=str(tmp_path / "back")).load().data["s"]
    np.testing.assert_array_equal(again.values[1, 0, 2], 18_295)
