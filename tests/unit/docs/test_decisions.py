"""The index of decisions is complete, and what a later decision changed says so in both places."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs" / "decisions"
FILES = sorted(FOLDER.glob("[0-9]*.md"))
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")


def title(path):
    number, text = re.fullmatch(r"# 0*(\d+)\. (.+)", path.read_text(encoding="utf-8").splitlines()[0]).groups()
    return int(number), text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_decision_stands_once_in_the_index_under_its_title(path):
    number, text = title(path)
    assert number == int(path.name.split("-")[0])
    lines = [line for line in INDEX.splitlines() if f"]({path.name})" in line]
    assert lines == [f"- [{number}]({path.name}) {text}"], "docs/decisions/README.md: one line under its theme"


def test_numbers_are_given_once_and_later_decisions_that_change_earlier_ones_exist():
    given = [title(path)[0] for path in FILES]
    assert len(given) == len(set(given)) > 30
    changed = {
        title(path)[0]: re.search(r"\((?:amended|extended|overturned) by ([\d and,]+)\)$", title(path)[1]) for path in FILES
    }
    later = {number: [int(n) for n in re.findall(r"\d+", found[1])] for number, found in changed.items() if found}
    assert later
    assert all(n > number and n in given for number, by in later.items() for n in by)


def test_the_index_names_no_file_that_is_gone():
    assert set(re.findall(r"\]\((\d[^)]+)\)", INDEX)) == {path.name for path in FILES}
