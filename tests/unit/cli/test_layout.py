"""Tables fit their width; names and numbers are never split, and nothing of a row is lost."""

import pytest

from fpmg_bench.cli.layout import laid_out, length, wrapped

HEADS = ("dataset/method", "stage", "silos", "message", "statistics", "note")
ROWS = [
    [f"cohort-{m}/single-modal", f"stage1:{kind}", "5", f"{n} kB", f"{n}.5 MB", "a control trains nothing"]
    for m in "ab"
    for n, kind in enumerate(("table", "series"))
]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_and_no_name_or_number_is_split(width):
    lines = laid_out(HEADS, ROWS, {"silos", "message", "statistics"}, width)
    assert max(map(length, lines)) <= width
    text = "\n".join(lines)
    assert all(word in text for row in ROWS for word in row[:2] + row[3:5])
    assert "a control" in text


def test_what_every_row_says_is_said_once():
    lines = laid_out(HEADS, ROWS, {"silos"}, 80)
    assert lines[0] == "in every row: silos 5; note a control trains nothing"


def test_without_a_width_a_row_is_one_line():
    assert len(laid_out(HEADS, ROWS, (), None)) == 2 + len(ROWS)


def test_a_line_breaks_between_words_alone():
    assert wrapped("one-long-name and two", 8) == ["one-long-name", "  and", "  two"]
    assert wrapped("short", None) == ["short"]
