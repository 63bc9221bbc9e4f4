"""README's leaderboard is a choice of the columns of reports/leaderboard.md: every number of it stands there, in the same cohort and row."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NUMBER = re.compile(r"-?\d[\d.e-]*(?: [kMG]?B)?(?: \[[^\]]*\])?")
COHORTS = ("phantom", "covid-cxr", "eicu-demo")


def tables(text, cohort):
    """Rows, as (first cell, the rest), of the tables under **cohort** or **cohort: ...**."""
    for caption in re.finditer(rf"^\*\*{cohort}(?:: [^*]+)?\*\*$", text, re.MULTILINE):
        lines = text[caption.end() :].lstrip("\n").splitlines()
        for line in lines[2:]:
            if not line.startswith("|"):
                break
            name, *cells = (cell.strip() for cell in line.strip("| ").split("|"))
            yield name, " | ".join(cells)


@pytest.mark.parametrize("cohort", COHORTS)
def test_every_number_of_readme_is_in_the_reference_report(cohort):
    report = list(tables((ROOT / "reports" / "leaderboard.md").read_text(), cohort))
    rows = list(tables((ROOT / "README.md").read_text(), cohort))
    assert len(rows) >= 8
    for name, cells in rows:
        first = name.split(" ")[0]
        there = " | ".join(
            text for row, text in report if row.split(" ")[0] == first or (first == "real" and row.startswith("floor"))
        )
        numbers = NUMBER.findall(cells)
        assert numbers and there, f"{cohort}, {name}"
        assert not [n for n in numbers if n not in there], f"{cohort}, {name}: not in reports/leaderboard.md"
