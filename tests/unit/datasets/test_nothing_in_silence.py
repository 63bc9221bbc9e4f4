"""What goes into a table is in the cohort, or in the count."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from fpmg_plugins.datasets.folder import Folder
from hypothesis import given, settings
from hypothesis import strategies as st

from fpmg_bench.cohorts.losses import minded
from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort

HEAD = "version: 1\nlicence: CC0-1.0\nmanifest: t.csv\npatient: p\nmin_class_patients: 0\n"
COLUMNS = """\
conditions: [{name: y, type: category, categories: [a, b, rest], other: rest}]
modalities:
  table:
    kind: table
    columns:
      - {name: x, low: 0, high: 100, outside: missing, below: 1, suffix: " %", decimal: ",", missing: [-9], map: {"?": null}}
      - {name: c, type: category, categories: [k, l, other], other: other, map: {m: k, none: null}}
"""
number = st.sampled_from(["1", "2,5", "3 %", "4%", "<1", "-9", "-9,0", "?", "", "NA", "250", "-1", "1e2", "0,0"])
label = st.sampled_from(["a", "b", "c", "", "nan"])
word = st.sampled_from(["k", "l", "m", "none", "z", "", "NA", "NaN", "a b"])


def _filled(rows: list[tuple[str, ...]], at: int) -> int:
    return sum(row[at] != "" for row in rows)


def _loaded(folder: Path) -> Cohort | None:
    """None where nothing is left: that is refused, and not lost."""
    try:
        return Folder(root=str(folder)).load()
    except DatasetError as error:
        if "no record has" in str(error):
            return None
        raise


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(label, number, word), min_size=1, max_size=12))
def test_each_filled_cell_is_in_the_cohort_or_in_the_count(rows: list[tuple[str, str, str]]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "t.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["p", "y", "x", "c"])
            writer.writerows([f"p{at}", *row] for at, row in enumerate(rows))
        (folder / "cohort.yaml").write_text(HEAD + COLUMNS)
        cohort = _loaded(folder)
    if cohort is None:
        return
    lost, frame = cohort.dropped, cohort.data["table"].frame
    assert len(cohort) + lost.get("records without a label", 0) == len(rows)
    kept = [row for row in rows if row[0] not in ("", "nan")]
    numbers = sum(
        lost.get(f"cells of x {why}", 0)
        for why in ("that say missing by code", "mapped to missing", "outside 0 to 100, read as missing")
    )
    words = sum(cell in ("NA", "nan", "NaN") for row in kept for cell in row[1:])
    said = lost.get("cells of t.csv with a word for missing", 0)
    assert said == sum(cell in ("NA", "nan", "NaN") for row in rows for cell in row)
    assert frame["x"].notna().sum() + numbers + frame["c"].notna().sum() + lost.get("cells of c mapped to missing", 0) + words == _filled(kept, 1) + _filled(kept, 2)  # fmt: skip
    others = (frame["c"] == "other").sum()
    assert lost.get("cells of c that are no category of their own, read as 'other'", 0) == others
    assert lost.get("cells of x below or above a bound, read as the bound", 0) == sum(row[1] == "<1" for row in kept)


def test_a_column_that_is_a_condition_too_is_counted_once_and_told(tmp_path: Path) -> None:
    column = "{name: x, low: 0, high: 9, outside: missing}"
    other = column.replace("high: 9", "high: 9, step: 1")
    text = f"{HEAD}conditions: [{{name: y, type: flag}}, {column}]\nmodalities:\n  table: {{kind: table, columns: [{other}]}}\n"
    (tmp_path / "cohort.yaml").write_text(text)
    (tmp_path / "t.csv").write_text("p,y,x\n" + "".join(f"p{at},{at % 2},{5 if at else 99}\n" for at in range(12)))
    cohort = Folder(root=str(tmp_path)).load()
    assert cohort.dropped["cells of x outside 0 to 9, read as missing"] == 1
    assert [each.where for each in minded(cohort) if "a condition too" in each.what] == ["table: x"]
    drawn = replace(cohort, condition=np.column_stack([cohort.condition[:, 0], np.full(12, 3.0)]))
    (tmp_path / "back").mkdir()
    told = Folder.write(Folder(root=str(tmp_path)).source(), drawn, tmp_path / "back")
    assert "12 cells of x say what was asked for: the table's own values of it are others, and in no file" in told
