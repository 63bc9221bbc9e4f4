"""Whatever stands in a table: a draft with nothing left to fill in loads, and its table has the columns that it declares."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

from fpmg_plugins.datasets.folder import Folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fpmg_bench.cohorts.draft import draft

N = 24
POOLS = (
    ["1", "2", "3", "4.5", "-9", "999", ""],
    ["1,5", "2,25", "0,5", "1.234,5", "7"],
    ["1,234", "12,345.5", "7", "9"],
    ["98 %", "97 %", "5%", "", "NA"],
    ["<0.1", "0.5", "> 9", "3", "<=2"],
    ["120/80", "90/60", "100/70.5"],
    ["2020-01-31", "2021-12-01", ""],
    ["01.02.2020", "31.12.2021 10:00"],
    ["I10", "E11.9", "S72", "J45.0"],
    ["A1;B2", "A1", "B2;C3;", "C3"],
    ["yes", "no ", "YES", " "],
    ["007", "012", "7"],
    ["9007199254740993", "9007199254740995", "1"],
    ["a", "A ", "b", "?"],
    ['say "x"\nthen; y, z', "ok", "№ 5"],
    ["inf", "-inf", "1e400", "nan", "2"],
    ["", "   ", "NULL"],
    ["1", "1.0", "x", "y", "z"],
)
column = st.sampled_from(POOLS).flatmap(lambda pool: st.lists(st.sampled_from(pool), min_size=N, max_size=N))
names = st.lists(st.sampled_from(["age", "x", "x", "", "größe", "Date", "nr", "a/b", "value", "size: 1", "# no", "sex"]), min_size=1, max_size=4)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names, st.data(), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_draft_with_nothing_to_fill_in_loads(header: list[str], data: st.DataObject, separator: str, encoding: str) -> None:
    columns = [data.draw(column) for _ in header]
    with TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "t.csv").open("w", newline="", encoding=encoding) as stream:
            writer = csv.writer(stream, delimiter=separator)
            writer.writerow(["patient", "label", *header])
            writer.writerows([f"p{at // 2}", "ab"[at % 2], *(cells[at] for cells in columns)] for at in range(N))
        text = draft(folder / "t.csv")
        (folder / "cohort.yaml").write_text(text, encoding="utf-8")
        if "# FILL IN: nothing is left to learn from" in text:
            return  # but columns that are left out, each with its reason
        cohort = Folder(root=str(folder)).load()
        assert len(cohort) == N and text.count("# left out") <= len(header)
        assert len(cohort.schemas["table"].columns if "table" in cohort.schemas else ()) == text.count("\n      - ")
