"""Drafts of what hospitals send: exports with titles, coded sites, lists, zones, German notes; each loads, and says what it leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from fpmg_plugins.datasets.folder import Folder

from fpmg_bench.cohorts.draft import draft, find_table
from fpmg_bench.cohorts.draft.guess import guess
from fpmg_bench.cohorts.draft.language import language, saying_nothing
from fpmg_bench.cohorts.draft.numbers import bulk
from fpmg_bench.cohorts.losses import minded

N = 40


def loaded(folder: Path, manifest: str, **roles: str) -> tuple[str, Folder]:
    """The draft beside the table, and the dataset that reads it."""
    text = draft(folder / manifest, **roles)
    (folder / "cohort.yaml").write_text(text, encoding="utf-8")
    return text, Folder(root=str(folder))


def test_titles_above_the_header_are_declared_counted_and_written_as_empty_lines(tmp_path: Path) -> None:
    rows = "".join(f"F{at};{20 + at};{['ja', 'nein'][at % 2]}\n" for at in range(N))
    text = f"Auswertung Kardiologie;;\nErstellt am 01.02.2024;;\n\nFallnummer;Alter;verstorben\n{rows}"
    (tmp_path / "export.csv").write_text(text, encoding="utf-8-sig")
    said, dataset = loaded(tmp_path, "export.csv", patient="Fallnummer")
    assert "header: 4 " in said and "encoding: utf-8-sig " in said
    cohort = dataset.load()
    assert len(cohort) == N and cohort.dropped["lines above the header of export.csv"] == 3
    (tmp_path / "back").mkdir()
    told = Folder.write(dataset.source(), cohort, tmp_path / "back")
    lines = (tmp_path / "back" / "export.csv").read_bytes().decode("utf-8-sig").splitlines()
    assert lines[:4] == ["", "", "", "Fallnummer;Alter;verstorben"] and any("above its header" in each for each in told)
    assert len(Folder(root=str(tmp_path / "back")).load()) == N


def test_the_sheet_with_the_table_is_taken_and_the_others_are_told(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    book.active.append(["Export of the study"])
    page = book.create_sheet("Data")
    for row in [
        ["Studie X"],
        [],
        ["Pat.-Nr.", "Hb", "Rezidiv"],
        *([at, 12 + at / 10 if at % 7 else "k.A.", at % 2 == 0] for at in range(N)),
    ]:
        page.append(row)
    book.save(tmp_path / "e.xlsx")
    said, dataset = loaded(tmp_path, "e.xlsx")
    assert 'sheet: "Data"' in said and "header: 3" in said and 'patient: "Pat.-Nr."' in said
    assert len(dataset.load()) == N
    assert [each.what for each in dataset.unread() if "sheets" in each.what] == ["sheets that are not read: Cover"]
    (tmp_path / "back").mkdir()
    Folder.write(dataset.source(), dataset.load(), tmp_path / "back")
    assert len(Folder(root=str(tmp_path / "back")).load()) == N
    cells = [
        row[1] for row in openpyxl.load_workbook(tmp_path / "back" / "e.xlsx")["Data"].iter_rows(values_only=True, min_row=4)
    ]
    assert cells[:3] == [None, 12.1, 12.2]  # numbers, though words stood among them


def test_lists_zones_and_decimals_of_parquet_come_back_in_their_types(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    begin = pd.Timestamp("2020-03-28 12:30", tz="Europe/Berlin")
    cells = {
        "id": [f"p{at}" for at in range(N)],
        "died": [at % 3 == 0 for at in range(N)],
        "codes": [[["I10", "E11"], ["E11", "I10"], ["I10"], [], None, ["E11"]][at % 6] for at in range(N)],
        "admitted": [begin + pd.Timedelta(days=at) for at in range(N)],
        "left": [None if at == 7 else begin + pd.Timedelta(days=at + 2 + at % 5) for at in range(N)],
        "seen": [begin if at else None for at in range(N)],
        "cost": pa.array(list(range(N)), pa.decimal128(9, 2)),
    }
    table = pa.table({name: cell if isinstance(cell, pa.Array) else pa.array(cell) for name, cell in cells.items()})
    pq.write_table(table, tmp_path / "t.parquet")
    _, dataset = loaded(tmp_path, "t.parquet", patient="id")
    cohort = dataset.load()
    frame = cohort.data["table"].frame
    held = frame["codes E00-E90"].to_numpy()
    np.testing.assert_array_equal(held[:5], [1, 1, 0, 0, np.nan])
    np.testing.assert_allclose(
        frame["days to left"].to_numpy()[:3], [2, 3, 4]
    )  # the clock that is put forward in between counts for nothing
    (tmp_path / "back").mkdir()
    Folder.write(dataset.source(), cohort, tmp_path / "back")
    back = pq.read_table(tmp_path / "back" / "t.parquet")
    assert back.schema.types == table.schema.types
    assert back["codes"].to_pylist()[:5] == [["E00-E90", "I00-I99"]] * 2 + [["I00-I99"], [], None]
    again = Folder(root=str(tmp_path / "back")).load().data["table"].frame
    pd.testing.assert_series_equal(again["days to left"], frame["days to left"])
    assert [str(cost) for cost in back["cost"].to_pylist()[:2]] == ["0.00", "1.00"]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("hospital", [str(at % 4 + 1) for at in range(N)], "category"),
        ("Klinik_Nr", [str(at % 4 + 1) for at in range(N)], "category"),
        ("race", [str([0, 8516, 8527][at % 3]) for at in range(N)], "category"),
        ("sex", [str(at % 2 + 1) for at in range(N)], "category"),
        ("trtgrp", [str(at % 4) for at in range(N)], "category"),
        ("site", [str(at) for at in range(N)], "number"),
        ("groups", [str(at % 4) for at in range(N)], "number"),
        ("visit_date", ["20200131", "20200229"] * (N // 2), "date"),
        ("platelets", ["20200131", "20200229"] * (N // 2), "number"),
        ("seen", ["14MAR2019", "02JAN2020"] * (N // 2), "date"),
        ("dx", ["I10;E11", "E11;I10", "I10"] * 12, "codes"),
        ("arm", ["OP;RT", "CT"] * 12, "category"),
    ],
)
def test_whole_numbers_lists_and_dates_are_what_their_columns_say(name: str, cells: list[str], kind: str) -> None:
    assert guess(name, pd.Series(cells, dtype=object)) == kind


@pytest.mark.parametrize(
    ("values", "low"),
    [([*np.linspace(-0.3, 9, 200)], -0.3), ([-5.0, *np.linspace(60, 90, 199)], 60), ([-1.0] * 9 + [*np.linspace(0, 90, 99)], 0)],
    ids=["a tail is values", "one far below is a mistake", "a code"],
)
def test_what_is_below_zero_is_a_mistake_only_apart_from_the_rest(values: list[float], low: float) -> None:
    assert bulk(pd.Series(values))[0] == pytest.approx(low)


def test_an_outcome_is_found_by_its_name_in_more_words(tmp_path: Path) -> None:
    for name in ("dead", "censor", "Rezidiv"):
        pd.DataFrame({"id": [f"p{at}" for at in range(N)], "x": np.arange(N), name: np.arange(N) % 2}).to_csv(tmp_path / "t.csv")
        assert f'- {{"name": "{name}", "type": "flag"}}' in draft(tmp_path / "t.csv").split("modalities:")[0].replace("# -", "")


def test_german_notes_bring_their_own_words_for_nothing(tmp_path: Path) -> None:
    notes = [
        "Cor und Pulmo o.B.; kein Erguss rechts",
        "Pneumonie links; Zustand nach Stent",
        "Cor und Pulmo o.B.; Leber nicht vergrößert",
    ]
    table = {"id": [f"p{at}" for at in range(N)], "y": np.arange(N) % 2, "Befund": [f"{notes[at % 3]} {at}" for at in range(N)]}
    pd.DataFrame(table).to_csv(tmp_path / "t.csv", index=False)
    said, dataset = loaded(tmp_path, "t.csv", label="y")
    assert 'nothing: "Cor und Pulmo o.B."' in said
    cohort = dataset.load()
    assert cohort.schemas["Befund"].nothing == "Cor und Pulmo o.B."
    assert [each.count for each in minded(cohort) if "notes in German" in each.what] == [N]
    assert (
        language(["Lungs are clear. No effusion."]) == "English"
        and language(["pas d'anomalie, coeur sans épanchement"]) == "French"
    )
    assert saying_nothing(pd.Series([f"Herr Weber ohne Befund {at}" for at in range(N)])) == ""


def test_visits_are_a_series_of_the_table_that_lists_patients(tmp_path: Path) -> None:
    pd.DataFrame({"subject": range(20), "arm": ["a", "b"] * 10, "first": ["05-Jan-2020"] * 20}).to_csv(
        tmp_path / "people.csv", index=False
    )
    days = pd.to_datetime("2020-01-05") + pd.to_timedelta(np.tile([14, 28, 42], 20), "D")
    visits = {
        "subject": np.repeat(range(20), 3), "visit_date": days.strftime("%d-%b-%Y"), "crp": np.arange(60) / 10,
        "next": (days + pd.Timedelta(days=7)).strftime("%Y-%m-%d"),
    }  # fmt: skip
    pd.DataFrame(visits).to_csv(tmp_path / "visits.csv", index=False)
    assert find_table(tmp_path).name == "people.csv"
    said, dataset = loaded(tmp_path, "people.csv", label="arm")
    assert "window: [-168, 840] " in said and "steps: 3 " in said  # 0, 14 and 28 days in hours, in the middle of their bins
    assert '{"name": "crp", "low": 0.0, "high": 5.9, "step": 0.1' in said and "# left out: next (dates)" in said
    cohort = dataset.load()
    assert cohort.dropped["visits.csv: columns that are not declared, next (list them under columns to keep them)"] == 1
    (tmp_path / "back").mkdir()
    told = Folder.write(dataset.source(), cohort, tmp_path / "back")
    days = pd.to_datetime(pd.read_csv(tmp_path / "back" / "visits.csv")["visit_date"], format="%d-%b-%Y")
    assert days.dt.strftime("%d %b").unique().tolist() == ["01 Jan", "15 Jan", "29 Jan"]
    assert any(each.endswith("are no time, variable or channel are empty: next") for each in told)


def test_values_in_another_unit_are_no_values_of_the_channel(tmp_path: Path) -> None:
    pd.DataFrame({"id": [f"p{at}" for at in range(20)], "y": np.arange(20) % 2}).to_csv(tmp_path / "t.csv", index=False)
    rows = [(f"p{at}", hour, "Hb", 12.5 + hour / 10, "g/dl") for at in range(20) for hour in range(3)]
    rows[7] = ("p2", 1, "Hb", 126, "g/l")
    names = ("id", "time", "variable", "value", "Einheit")
    pd.DataFrame(rows, columns=pd.Index(names)).to_csv(tmp_path / "labs.csv", index=False)
    said, dataset = loaded(tmp_path, "t.csv", label="y")
    assert 'units: "Einheit"' in said and "1 value of Hb is in another unit than g/dl" in said
    assert '{"name": "Hb", "low": 12.5, "high": 12.7, "step": 0.1, "unit": "g/dl"' in said
    cohort = dataset.load()
    assert cohort.dropped == {"labs.csv: values of Hb in another unit than g/dl (convert them in the file)": 1}
    (tmp_path / "back").mkdir()
    told = Folder.write(dataset.source(), cohort, tmp_path / "back")
    assert set(pd.read_csv(tmp_path / "back" / "labs.csv")["Einheit"]) == {"g/dl"} and not any(
        "are empty" in each for each in told
    )


def test_control_characters_and_line_ends_of_a_cell_break_no_draft(tmp_path: Path) -> None:
    cells = [*(f"{at % 17}.5" for at in range(N - 2)), '"6.2\x1a"', '"two\nlines"']
    lines = [f"p{at},{at % 2},{cell},{at % 5}.5" for at, cell in enumerate(cells)]
    (tmp_path / "t.csv").write_text("id,y,v,w\n" + "\n".join(lines) + "\n")
    said, dataset = loaded(tmp_path, "t.csv", label="y")
    assert "# FILL IN: control characters in its cells" in said and "\x1a" not in said
    assert [each.what for each in dataset.unread()] == ["columns of t.csv that are not used: v"] and len(dataset.load()) == N
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().replace("\x1a", ""))
    _, dataset = loaded(tmp_path, "t.csv", label="y")
    assert dataset.load().dropped["cells of v mapped to missing"] == 1


def test_small_silos_are_grouped_though_the_last_group_is_too_small(tmp_path: Path) -> None:
    sites = ["a"] * 8 + ["b"] * 12 + ["c"] * 12
    table = {"id": [f"p{at}" for at in range(32)], "y": np.arange(32) % 2, "age": 20 + np.arange(32) % 17, "site": sites}
    pd.DataFrame(table).to_csv(tmp_path / "t.csv", index=False)
    _, dataset = loaded(tmp_path, "t.csv", label="y")
    (said,) = [each for each in minded(dataset.load()) if each.where == "silo"]
    assert said.count == 3 and said.keep == "silo: {groups: {group 1: [a, b, c]}}"


def test_a_label_that_names_silos_too_keeps_its_own_words(tmp_path: Path) -> None:
    sites = ["north"] * 12 + ["south"] * 14 + ["east"] * 2 + ["west"] * 2
    pd.DataFrame({"id": [f"p{at}" for at in range(30)], "age": 20 + np.arange(30) % 17, "site": sites}).to_csv(
        tmp_path / "t.csv", index=False
    )
    _, dataset = loaded(tmp_path, "t.csv", label="site", silo="site")
    cohort = dataset.load()
    assert "small sites" in cohort.silo_names
    (tmp_path / "back").mkdir()
    Folder.write(dataset.source(), cohort, tmp_path / "back")
    assert pd.read_csv(tmp_path / "back" / "t.csv")["site"].tolist() == sites


def test_other_among_numbers_of_a_parquet_is_told(tmp_path: Path) -> None:
    codes = [float(at % 30 + 1) for at in range(240)]
    pd.DataFrame({"id": [f"p{at}" for at in range(240)], "y": np.arange(240) % 2 == 0, "ward": codes}).to_parquet(
        tmp_path / "t.parquet"
    )
    _, dataset = loaded(tmp_path, "t.parquet", label="y")
    (tmp_path / "back").mkdir()
    told = Folder.write(dataset.source(), dataset.load(), tmp_path / "back")
    assert "80 cells of ward are words that a column of double cannot hold: they are empty" in told
