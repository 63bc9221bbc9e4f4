"""What a draft makes of messy tables, one a case: the column it declares, what it says, and that the cohort loads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.cohorts.draft import draft, find_table
from fpmg_bench.cohorts.losses import Loss, lost, minded
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice
from fpmg_bench.types import Cohort

N = 60
Cells = Callable[[int], str]


def load(folder: Path) -> Cohort:
    cohort: Cohort = Registry.discover().build("dataset", Choice("folder", {"root": str(folder)})).load()
    return cohort


def drafted(folder: Path, separator: str = ",", encoding: str = "utf-8", **columns: Cells) -> str:
    """A table with these columns beside patient and label, and its draft, which is written and loaded."""
    cells: dict[str, Cells] = {"patient": lambda at: f"p{at // 2}", "label": lambda at: "ab"[at // 2 % 2], **columns}
    lines = [separator.join(cells)] + [separator.join(cell(at) for cell in cells.values()) for at in range(N)]
    (folder / "t.csv").write_bytes(("\n".join(lines) + "\n").encode(encoding))
    text = draft(folder / "t.csv")
    (folder / "cohort.yaml").write_text(text)
    return text


def declared(text: str, name: str) -> dict[str, Any]:
    """The draft's line of a column, without its remark."""
    found = re.search(rf'^ +- (\{{"name": "{re.escape(name)}".*?\}})(  #.*)?$', text, re.MULTILINE)
    assert found, text
    line: dict[str, Any] = json.loads(found[1])
    return line


CASES: list[tuple[str, Cells, dict[str, Any], str]] = [
    ("one decimal", lambda at: f"{at / 10}", {"low": 0, "high": 5.9, "step": 0.1}, ""),
    ("tens", lambda at: f"{70 + at % 4 * 10}", {"low": 70, "high": 100, "step": 10}, ""),
    ("halves", lambda at: f"{at / 2}", {"low": 0, "high": 29.5, "step": 0.5}, ""),
    ("two decimals", lambda at: f"{at / 100:.2f}", {"low": 0, "high": 0.59, "step": 0.01}, ""),
    ("whole numbers as floats", lambda at: f"{at}.0", {"low": 0, "high": 59, "step": 1}, ""),
    ("many digits", lambda at: f"{at / 7}", {"low": 0, "high": 8.43}, ""),
    ("decimal commas", lambda at: f'"{at},5"', {"decimal": ",", "low": 0.5, "high": 59.5, "step": 0.1}, ""),
    ("thousands", lambda at: f'"{at + 1},250.5"', {"thousands": ",", "low": 1250.5, "high": 60250.5, "step": 0.1}, ""),
    ("german thousands", lambda at: f'"{at + 1}.250,5"', {"decimal": ",", "thousands": ".", "low": 1250.5, "high": 60250.5, "step": 0.1}, ""),
    ("commas that may be either", lambda at: f'"{at % 9 + 1},{at + 100}"', {"decimal": ","}, "1,234 may be 1.234 or 1234"),
    ("per cent", lambda at: f"{at} %", {"suffix": " %", "low": 0, "high": 59, "step": 1}, ""),
    ("degrees", lambda at: f"{36 + at / 10:.1f}°C", {"suffix": "°C", "low": 36, "high": 41.9, "step": 0.1}, ""),
    ("bounds", lambda at: "<0.5" if at % 9 == 0 else f"{at}.5", {"below": 0.5, "low": 0.5, "high": 59.5, "step": 0.1}, ""),
    ("an upper bound", lambda at: ">900" if at % 9 == 0 else f"{at}", {"above": 900}, ""),
    ("an age of -1", lambda at: "-1" if at == 3 else str(20 + at), {"low": 20, "high": 79, "step": 1, "outside": "missing"}, "1 below 0 (-1)"),
    ("a rate of 99999", lambda at: "99999" if at == 3 else str(60 + at), {"low": 60, "high": 119, "step": 1, "outside": "missing"}, "1 at 99999"),
    ("-9 for missing", lambda at: "-9" if at % 3 == 0 else str(at), {"low": 1, "high": 59, "step": 1, "outside": "missing"}, "20 below 0 (-9)"),
    ("99 at the end", lambda at: "99" if at % 3 == 0 else str(at + 35), {"low": 36, "high": 99, "step": 1}, "does 99 mean missing? Then add missing: [99]"),
    ("words among numbers", lambda at: "unknown" if at % 7 == 0 else str(at), {"map": {"unknown": None}}, "read as missing: unknown"),
    ("yes and no with blanks", lambda at: "No " if at % 2 else "Yes", {"type": "flag", "map": {"No ": 0, "Yes": 1}}, ""),
    ("true and false with gaps", lambda at: ["True", "False", ""][at % 3], {"type": "flag"}, "40 of 60 filled"),
    ("codes with zeros in front", lambda at: f"0{at % 3}7", {"type": "category", "categories": ["007", "017", "027"]}, ""),
    ("many codes of ICD-10", lambda at: f"{'AEIJK'[at % 5]}{10 + at % 30}.{at % 3}", {"type": "category", "group": "icd10"}, "codes of ICD-10, read as their 22 chapters"),
    ("many words", lambda at: "common" if at % 2 else f"w{at}", {"type": "category", "categories": ["common", "other"], "other": "other"}, "the 1 commonest of 31 values"),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "expected", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_column_is_drafted_as_it_is_written(cells: Cells, expected: dict[str, Any], said: str, tmp_path: Path) -> None:
    text = drafted(tmp_path, v=cells)
    line = declared(text, "v")
    assert {key: line.get(key) for key in expected} == _near(expected)
    assert ("step" in line) == ("step" in expected or ("low" in line and "low" not in expected))
    assert said in text
    assert len(load(tmp_path)) == N


def _near(expected: dict[str, Any]) -> dict[str, Any]:
    return {key: pytest.approx(value) if isinstance(value, float) else value for key, value in expected.items()}


def test_two_numbers_in_a_cell_become_two_columns(tmp_path: Path) -> None:
    drafted(tmp_path, bp=lambda at: f"{100 + at}/{60 + at % 30}")
    frame = load(tmp_path).data["table"].frame
    assert list(frame.columns) == ["bp systolic", "bp diastolic"] and frame.iloc[3].tolist() == [103, 63]


def test_several_codes_in_a_cell_become_flags(tmp_path: Path) -> None:
    drafted(tmp_path, dx=lambda at: "AA1;BB2" if at % 2 else f"AA1;Z{at}")
    cohort = load(tmp_path)
    assert list(cohort.data["table"].frame.columns) == ["dx AA1", "dx BB2"]
    assert cohort.dropped == {"codes of dx that no flag holds": 30}


def test_dates_are_counted_from_the_earliest_one(tmp_path: Path) -> None:
    text = drafted(
        tmp_path, admitted=lambda at: f"{1 + at % 28:02d}.03.2020", left=lambda at: f"{1 + at % 28:02d}.0{4 + at % 2}.2020"
    )
    assert declared(text, "days to left")["since"] == "admitted"
    assert "# left out: admitted (dates: take the # away" in text
    assert set(load(tmp_path).data["table"].frame["days to left"]) == {31, 61}


def test_a_table_of_which_nothing_is_left_says_so(tmp_path: Path) -> None:
    text = drafted(tmp_path, seen=lambda at: f"2020-03-{1 + at % 28:02d}")
    assert "modalities:   # FILL IN: nothing is left to learn from" in text and "\n# left out: seen (dates: " in text


def test_days_and_months_that_cannot_be_told_apart_are_asked(tmp_path: Path) -> None:
    text = drafted(tmp_path, seen=lambda at: f"0{1 + at % 9}/0{1 + at % 5}/2020", x=str)
    assert "# left out: seen (dates: day or month first? (or %m/%d/%Y)" in text


def test_how_a_file_is_written_is_declared(tmp_path: Path) -> None:
    text = drafted(tmp_path, ";", "latin-1", größe=lambda at: f"1,{at + 10}")
    assert "encoding: latin-1" in text and 'separator: ";"' in text
    assert load(tmp_path).data["table"].frame["größe"].tolist()[:2] == [1.10, 1.11]


def test_row_numbers_repeated_names_and_blank_cells_are_told(tmp_path: Path) -> None:
    lines = "".join(f"{at},p{at},{'ab'[at % 2]},{at}.5,   ,{at % 7}\n" for at in range(N))
    (tmp_path / "t.csv").write_text(",patient,label,x,blank,x\n" + lines)
    text = draft(tmp_path / "t.csv")
    (tmp_path / "cohort.yaml").write_text(text)
    assert "# left out: column 1 (row numbers)" in text and "# left out: blank (empty)" in text and '"   "]' in text
    assert "# a second 'x' is 'x (2)'" in text
    assert list(load(tmp_path).data["table"].frame.columns) == ["x", "x (2)"]


def test_numbers_above_two_to_the_53_are_left_out(tmp_path: Path) -> None:
    text = drafted(tmp_path, code=lambda at: str(2**60 + at % 30 * 1000), v=str)
    assert "# left out: code (whole numbers above 2^53" in text
    load(tmp_path)


def test_tables_with_a_common_key_are_joined(tmp_path: Path) -> None:
    (tmp_path / "stays.csv").write_text(
        "stay_id,patient,label\n" + "".join(f"s{at},p{at // 2},{'ab'[at % 2]}\n" for at in range(N))
    )
    (tmp_path / "people.csv").write_text("patient;height\n" + "".join(f"p{at};1,{at + 50}\n" for at in range(N // 2)))
    (tmp_path / "notes.csv").write_text("who,what\na,b\n")
    assert find_table_or_name(tmp_path) == "stays.csv"
    text = draft(tmp_path / "stays.csv")
    (tmp_path / "cohort.yaml").write_text(text)
    assert '- {"file": "people.csv", "key": "patient", "separator": ";"}' in text
    assert "# FILL IN: notes.csv is not read: no column of it names each of its rows once" in text
    frame = load(tmp_path).data["table"].frame
    assert frame["height"].tolist()[:3] == [1.50, 1.50, 1.51]


def find_table_or_name(folder: Path) -> str:
    (folder / "notes.csv").rename(folder / "notes.bak")
    found = find_table(folder).name
    (folder / "notes.bak").rename(folder / "notes.csv")
    return found


def test_age_and_sex_are_offered_as_conditions(tmp_path: Path) -> None:
    text = drafted(tmp_path, age=lambda at: str(20 + at), sex=lambda at: "FM"[at % 2])
    assert text.count("  # - ") == 2
    (tmp_path / "cohort.yaml").write_text(text.replace("  # - ", "  - "))
    assert [column.name for column in load(tmp_path).conditions] == ["label", "age", "sex"]


def test_a_column_that_vanishes_is_counted(tmp_path: Path) -> None:
    drafted(tmp_path, **{f"v{at}": str for at in range(37)})
    text = (tmp_path / "cohort.yaml").read_text()
    for at in range(14):
        text = re.sub(rf'      - {{"name": "v{at}",.*\n', "", text)
    (tmp_path / "cohort.yaml").write_text(text)
    assert load(tmp_path).dropped == {"columns of t.csv that are not used": 14}


def _found(losses: Sequence[Loss], words: str) -> Loss:
    return next(each for each in losses if words in each.what)


def test_what_wants_a_second_look_is_found(tmp_path: Path) -> None:
    drafted(
        tmp_path,
        site=lambda at: "abcd"[at % 4],
        marker=lambda at: f"{10 * (at // 2 % 2) + at / 60:.2f}",
        code=lambda at: "xyzw"[at // 2 % 4],
    )
    text = (tmp_path / "cohort.yaml").read_text()
    (tmp_path / "cohort.yaml").write_text(text.replace('"step": 0.01', '"step": 1'))
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().replace("p1,b", "p1,a", 1))
    looks = minded(load(tmp_path))
    assert _found(looks, "learnt from patients").count == 3
    assert _found(looks, "finer than step 1").where == "table: marker"
    assert _found(looks, "more than one class").count == 1
    silo = _found(looks, "silos of fewer than 20 patients (of 4)")
    assert silo.count == 4 and silo.keep == "silo: {groups: {group 1: [a, b], group 2: [c, d]}}"


def test_columns_that_tell_the_label_are_found_by_words_and_by_numbers(tmp_path: Path) -> None:
    columns = {"marker": lambda at: f"{10 * (at // 2 % 2) + at / 60:.2f}", "code": lambda at: "xyzw"[at // 2 % 4]}
    text = drafted(tmp_path, **columns, x=str)
    assert text.count("tells the label exactly") == 2
    looks = [each for each in minded(load(tmp_path)) if "tells label exactly" in each.what]
    assert [each.where for each in looks] == ["table: marker", "table: code"]


def test_each_reason_has_a_way_out() -> None:
    reasons = (
        "records without a label",
        "cells of x outside 0 to 1, clipped",
        "ends of texts of note after 12 characters",
        "something new",
    )
    losses = lost(dict.fromkeys(reasons, 2) | {"nothing": 0})
    assert [each.where for each in losses] == ["", "x", "note", ""]
    assert losses[1].keep == "widen low and high" and losses[3].keep == "see docs/folder-cohorts.md"


def test_data_check_prints_what_is_lost_and_how_to_keep_it(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    drafted(tmp_path, x=lambda at: "99999" if at == 3 else str(at), nothing=lambda at: "")
    (tmp_path / "forgotten.dat").write_text("1")
    assert exit_code("data", "check", str(tmp_path)) == 0
    out = capsys.readouterr().out
    for words in (
        "cells of x outside 0 to 59, read as missing",
        "widen low and high",
        "not used: nothing",
        "forgotten.dat",
        "learnt from patients",
    ):
        assert words in out
    assert exit_code("data", "check", str(tmp_path), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["records"] == N and {each["count"] for each in report["lost"]} == {1} and len(report["lost"]) == 3


def test_a_column_that_names_patients_is_pointed_out(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    text = drafted(tmp_path, v=lambda at: str(at % 7))
    (tmp_path / "cohort.yaml").write_text(text.replace('patient: "patient"', 'patient: "v"'))
    assert exit_code("data", "check", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert "table: v" in out and "names patients, and is learnt as a column" in out


def test_data_new_says_how_much_is_lost(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    drafted(tmp_path, x=lambda at: "99999" if at == 3 else str(at))
    (tmp_path / "cohort.yaml").unlink()
    assert exit_code("data", "new", str(tmp_path)) == 0
    assert f"1 loss: fpmg-bench data check {tmp_path}" in capsys.readouterr().out
