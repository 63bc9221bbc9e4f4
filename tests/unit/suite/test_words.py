"""Counts have the right number, long words are cut, a suggestion is another word."""

from __future__ import annotations

import pytest

from fpmg_bench.document import brief, did_you_mean, plural
from fpmg_bench.partition import words


@pytest.mark.parametrize(
    ("n", "said"), [(0, "0 seeds"), (1, "1 seed"), (2, "2 seeds"), (1000, "1,000 seeds")]
)  # fmt: skip
def test_a_count_has_its_number(n, said):
    assert plural(n, "seed") == said


def test_an_odd_plural_is_given():
    assert plural(1, "entry", "entries") == "1 entry" and plural(2, "entry", "entries") == "2 entries"


def test_a_partition_of_one_silo():
    assert words({"kind": "iid", "silos": 1}) == "iid, 1 silo"


def test_long_words_and_lines_are_cut_and_short_ones_are_not():
    assert brief("a short text") == "a short text"
    assert brief(f"unknown '{'x' * 5000}'.") == f"unknown '{'x' * 59}... (5,003 characters)"
    assert len(brief("no long word " * 1000)) < 2100


def test_a_word_is_not_its_own_suggestion():
    assert did_you_mean("krum", ["krum"]) == ""
    assert did_you_mean("krun", ["krum"]) == " Did you mean 'krum'?"
    assert did_you_mean("k" * 5000, ["k" * 4999]) == ""
