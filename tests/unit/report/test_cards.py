"""Metric cards as the report lays them out."""

from fpmg_bench.report.appendix.cards import _parts

CARD = """What it is.

S: released records. `a.b`: first score. `a.c` = nn(`S`) / 2; ideal 1. Floor: real patients.
Needs 10 records. Pitfalls: none; but `a.b` is weak."""


def test_formulas_floor_needs_and_pitfalls_start_lines_of_their_own():
    first, rest = _parts(CARD)
    assert first == "What it is."
    assert rest.split("\n") == [
        "S: released records.", "a.b: first score.", "a.c = nn(S) / 2; ideal 1.", "Floor: real patients.", "Needs 10 records.",
        "Pitfalls: none; but a.b is weak.",
    ]  # fmt: skip
