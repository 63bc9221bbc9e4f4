"""Drafts of series, pictures and texts: each small cohort loads as it was drafted, and the draft says what it leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fpmg_bench.cohorts.draft import draft, find_table
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Choice
from fpmg_bench.types import Cohort

N = 30
IDS = [f"S{at:03d}" for at in range(N)]
RNG = np.random.default_rng(0)


def drafted(folder: Path, **more: Any) -> tuple[str, Cohort]:
    """A draft beside a small table of stays, and what it loads to unedited."""
    if not any(folder.glob("stays.*")):
        table = {"stay_id": IDS, "patient_id": [f"P{at // 2}" for at in range(N)], "died": [at % 3 == 0 for at in range(N)]}
        pd.DataFrame(table | more).to_csv(folder / "stays.csv", index=False)
    text = draft(find_table(folder))
    assert "FILL IN" not in text.partition("\n")[2], text
    (folder / "cohort.yaml").write_text(text)
    return text, Registry.discover().build("dataset", Choice("folder", {"root": str(folder)})).load()


def counted(cohort: Cohort) -> dict[str, int]:
    """What was lost, without columns of the table that a case does not name."""
    return {reason: count for reason, count in cohort.dropped.items() if not reason.startswith("columns of stays")}


def long(names: tuple[str, str, str, str], times: list[Any], values: dict[str, list[float]]) -> pd.DataFrame:
    """Rows of every stay."""
    rows = [(id, time, variable, value[at]) for id in IDS for at, time in enumerate(times) for variable, value in values.items()]
    return pd.DataFrame(rows, columns=list(names))


def test_a_long_table_may_call_its_columns_as_it_likes(tmp_path: Path) -> None:
    long(("stay_id", "charttime", "itemid", "valuenum"), ["2150-01-01 08:00:00", "2150-01-01 12:30:00"], {"220045": [80, 91.5]}).to_csv(tmp_path / "chart.csv", index=False)  # fmt: skip
    text, cohort = drafted(tmp_path)
    assert 'clock: {"format": "ISO8601"}' in text and "times count from a record's first" in text
    assert cohort.schemas["chart"].shape == (2,) and cohort.data["chart"].values[0, :, 0].tolist() == [80, 91.5]
    assert counted(cohort) == {}


def test_dates_count_from_the_admission_where_the_table_has_one(tmp_path: Path) -> None:
    long(("stay_id", "time", "variable", "value"), ["01.03.2024 08:00", "13.03.2024 12:00"], {"hr": [80, 91]}).to_csv(tmp_path / "v.csv", index=False)  # fmt: skip
    text, cohort = drafted(tmp_path, admission=["01.03.2024 06:00"] * N)
    assert '"since": "admission"' in text and counted(cohort) == {}
    assert cohort.schemas["v"].columns[0].step == 1 and cohort.data["v"].seen.sum() == 2 * N


def test_vitals_and_labs_with_dates_share_one_clock(tmp_path: Path) -> None:
    long(("stay_id", "time", "variable", "value"), ["2024-03-01 08:00", "2024-03-01 09:00"], {"hr": [80, 91]}).to_csv(tmp_path / "vitals.csv", index=False)  # fmt: skip
    wide = pd.DataFrame({"stay": np.repeat(IDS, 2), "drawn_time": ["2024-03-01 05:00", "2024-03-01 10:00"] * N, "lactate": RNG.normal(2, 1, 2 * N).round(1), "sodium": RNG.integers(130, 150, 2 * N)})  # fmt: skip
    wide.rename(columns={"drawn_time": "time"}).to_csv(tmp_path / "labs.csv", index=False)
    text, cohort = drafted(tmp_path)
    assert "more:" in text and set(cohort.schemas) == {"labs_vitals"}
    assert [column.name for column in cohort.schemas["labs_vitals"].columns] == ["lactate", "sodium", "hr"]
    assert cohort.data["labs_vitals"].seen.any(axis=1)[0].tolist() == [True, True, True]


def test_a_german_table_of_times_is_read_as_it_is_written(tmp_path: Path) -> None:
    rows = "".join(f"{id};0{1 + at}.02.2024 08:00;Körpertemperatur;{36 + at},5\n" for id in IDS for at in range(3))
    (tmp_path / "werte.csv").write_bytes(("stay_id;time;variable;value\n" + rows).encode("cp1252"))
    text, cohort = drafted(tmp_path)
    assert 'separator: ";"' in text and 'decimal: ","' in text and "%d.%m.%Y %H:%M" in text
    assert cohort.schemas["werte"].columns[0].name == "Körpertemperatur" and counted(cohort) == {}
    assert cohort.data["werte"].values[0][cohort.data["werte"].seen[0]].tolist() == [36.5, 37.5, 38.5]


def test_a_check_says_how_to_keep_what_media_lose(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    for at in range(N):
        _png(tmp_path, f"ct/{IDS[at]}.png", 100 * at, np.uint16)
    long(("stay_id", "time", "variable", "value"), [0, 1, 1.5, 90], {"hr": [80, 91, 70, 60]}).to_csv(
        tmp_path / "v.csv", index=False
    )
    drafted(tmp_path, note=[f"{CHINESE} {at}" for at in range(N)])
    text = (tmp_path / "cohort.yaml").read_text().replace("[0, 4095]", "[0, 1000]").replace("window: [0, 91]", "window: [0, 50]")
    (tmp_path / "cohort.yaml").write_text(text.replace("steps: 4 ", "steps: 2 "))
    capsys.readouterr()
    assert exit_code("data", "check", str(tmp_path), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    kept = {each["what"]: (each["where"], each["count"], each["keep"]) for each in (*found["lost"], *found["mind"])}
    assert kept["pixels outside the window, clipped"] == ("ct", 36 * 19, "a wider window keeps them")
    assert kept["rows of v.csv outside the window 0 to 50"] == ("v.csv", N, "widen it to keep them")
    assert kept["values in one bin, of which the mean is kept"] == ("v", 3 * N, "more steps keep them apart")
    assert kept["characters beyond ASCII, which the encoder `frozen` writes as ?"][:2] == ("note", N * len(CHINESE))


def test_one_column_an_hour_is_a_series_and_leaves_the_table(tmp_path: Path) -> None:
    hours = {f"hr_{at}": RNG.integers(60, 100, N) for at in range(8)} | {
        f"spo2_{at}": RNG.integers(90, 100, N) for at in range(8)
    }
    text, cohort = drafted(tmp_path, age=RNG.integers(20, 90, N), **hours)
    assert "times? if not, put them into the table" in text
    assert cohort.data["hours"].values.shape == (N, 8, 2) and [c.name for c in cohort.schemas["table"].columns] == ["age"]
    assert cohort.data["hours"].values[3, :, 0].tolist() == [float(hours[f"hr_{at}"][3]) for at in range(8)]


@pytest.mark.parametrize(
    ("stem", "start", "series"), [("hr_", 0, True), ("hr_h", 1, True), ("day", 1, True), ("phq_", 1, False), ("v", 0, False)]
)
def test_a_single_group_of_numbered_columns_is_a_series_where_its_names_say_so(
    stem: str, start: int, series: bool, tmp_path: Path
) -> None:
    text, cohort = drafted(tmp_path, **{f"{stem}{start + at}": RNG.integers(0, 9, N) for at in range(7)})
    assert ("hours" in cohort.schemas) == series
    assert ("times? then a series: layout: row" in text) != series and counted(cohort) == {}


def test_a_heart_rate_of_99999_does_not_make_the_range(tmp_path: Path) -> None:
    rates = RNG.normal(80, 12, 2000).round()
    rates[:40] = 99999
    rows = pd.DataFrame({"stay_id": np.resize(IDS, 2000), "time": np.arange(2000) // N, "variable": "heart rate", "value": rates})
    rows.to_csv(tmp_path / "vitals.csv", index=False)
    text, cohort = drafted(tmp_path)
    column = cohort.schemas["vitals"].columns[0]
    assert column.high is not None and 110 < column.high < 160 and column.step == 1
    assert "40 values beyond read as missing" in text
    assert cohort.dropped[f"cells of heart rate outside {column.low:g} to {column.high:g}, read as missing"] == 40


def test_370_variables_are_drafted_and_what_is_none_is_named(tmp_path: Path) -> None:
    names = [f"variable {at}" for at in range(370)]
    rows = [(IDS[at % N], at // 2 % 7, name, at % 9 + step) for at, name in enumerate(names) for step in range(2)]
    rows += [(IDS[0], 0, "always", 1), (IDS[0], 1, "always", 1)] + [(IDS[0], 0, "mode", f"word {at}") for at in range(12)]
    pd.DataFrame(rows, columns=["stay_id", "time", "variable", "value"]).to_csv(tmp_path / "v.csv", index=False)
    text, cohort = drafted(tmp_path)
    assert len(cohort.schemas["v"].columns) == 370
    assert "left out, the same everywhere: always" in text and "left out, words and not numbers: mode" in text
    assert cohort.dropped["rows of v.csv of variables that are not declared (list them under columns to keep them)"] == 14


def _png(folder: Path, place: str, value: int = 9, kind: Any = np.uint8) -> None:
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 6), value, kind)).save(folder / place)


PATTERNS: dict[str, tuple[Callable[[int], list[str]], str, int]] = {
    "by record": (lambda at: [f"xray/{IDS[at]}.png"], "xray/{stay_id}.png", N),
    "by patient": (lambda at: [f"xray/P{at // 2}.png"], "xray/{patient_id}.png", N),
    "several": (lambda at: [f"xray/{IDS[at]}_{view}.png" for view in range(1 + at % 2)], "xray/{stay_id}_*.png", N),
    "a folder each": (lambda at: [f"xray/{IDS[at]}/{view}.png" for view in "ab"], "xray/{stay_id}/*.png", N),
    "some": (lambda at: [f"xray/{IDS[at]}.png"] * (at % 2), "xray/{stay_id}.png", N // 2),
}


@pytest.mark.parametrize("case", PATTERNS)
def test_pictures_without_a_column_are_found_by_their_names(case: str, tmp_path: Path) -> None:
    names, pattern, count = PATTERNS[case]
    for at in range(N):
        for name in names(at):
            _png(tmp_path, name, at)
    _png(tmp_path, "xray/stranger.png")
    text, cohort = drafted(tmp_path)
    assert f'"files": "{pattern}"' in text and "# not read: 1 picture is named in no column" in text
    assert cohort.present["xray"].sum() == count
    assert cohort.data["xray"].array()[5].max() == 5
    assert ("a second modality with view: 2" in text) == (case in ("several", "a folder each"))


def test_sixteen_bits_are_drafted_by_what_is_seen(tmp_path: Path) -> None:
    for at in range(N):
        _png(tmp_path, f"ct/{IDS[at]}.png", 100 * at, np.uint16)
    text, cohort = drafted(tmp_path)
    assert '"window": [0, 4095]' in text and "window: 12 bits are used in what was looked at" in text
    assert cohort.data["ct"].array()[29].max() == round(2900 / 4095 * 255)


def test_dicom_and_nifti_are_drafted(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    (tmp_path / "ct").mkdir()
    for at in range(N):
        nibabel.save(nibabel.Nifti1Image(RNG.normal(0, 300, (4, 4, 6)).astype(np.int16), np.eye(4)), tmp_path / f"ct/{IDS[at]}.nii.gz")  # fmt: skip
    text, cohort = drafted(tmp_path)
    assert cohort.schemas["ct"].shape == (6, 1, 32, 32) and "declare the scanner's" in text
    assert [reason for reason in cohort.dropped if "clipped" in reason] != []


def test_files_behind_a_link_are_told_as_such(tmp_path: Path) -> None:
    inner = tmp_path / "cohort"
    inner.mkdir()
    _png(tmp_path, "scans/a.png")
    (inner / "scans").symlink_to(tmp_path / "scans")
    text, _ = drafted(inner, scan=["scans/a.png"] * N, age=RNG.integers(20, 90, N))
    assert "which a link leads out of this folder" in text


GERMAN = "Der Patient klagte über Atemnot; Lungenödem ausgeschlossen, Größe 1,80 m."
CHINESE = "患者因咳嗽三天入院，胸片未见异常。"
ARABIC = "دخل المريض بسبب ضيق التنفس، وكانت الأشعة طبيعية."


@pytest.mark.parametrize("note", [GERMAN, CHINESE, ARABIC], ids=["German", "Chinese", "Arabic"])
def test_notes_of_any_script_go_in_and_come_back(note: str, tmp_path: Path) -> None:
    from fpmg_bench.cohorts.folder import write

    notes = [f"{note} {at}" * (1 + at % 3) for at in range(N)]
    _, cohort = drafted(tmp_path, bericht=notes)
    assert cohort.data["bericht"].strings == tuple(notes) and counted(cohort) == {}
    write(cohort, tmp_path / "again")
    back = Registry.discover().build("dataset", Choice("folder", {"root": str(tmp_path / "again")})).load()
    assert back.data["bericht"].strings == tuple(notes)


def test_a_text_beyond_2048_characters_is_cut_and_told(tmp_path: Path) -> None:
    notes = [f"note number {at} of a patient who was seen again" for at in range(N)]
    notes[3] = "long " * 600
    text, cohort = drafted(tmp_path, note=notes)
    assert "1 text is longer (up to 3000 characters) and will be cut" in text
    assert cohort.schemas["note"].shape == (2048,)
    assert [count for reason, count in cohort.dropped.items() if "texts of note" in reason] == [1]
