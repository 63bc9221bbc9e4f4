"""The report's tables and words as Markdown."""

import re
from itertools import pairwise

import pytest

from fpmg_bench.errors import StoreError
from fpmg_bench.report import markdown
from fpmg_bench.report.blocks import Cell, Head, Row, Section, Table
from fpmg_bench.report.build import in_words
from fpmg_bench.report.patients.specimens import _value

from .fake_run import make


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make(tmp_path_factory.mktemp("runs") / "fake")


def test_the_chosen_panels_are_there_in_the_reports_order_and_the_same_every_time(run, tmp_path):
    page = in_words([run], tmp_path / "a.md", ["leaderboard", "verdict"]).read_text()
    assert re.findall(r"^## (.*)$", page, re.M) == ["Summary", "Leaderboard"]
    assert in_words([run], tmp_path / "b.md", ["verdict", "leaderboard"]).read_text() == page


def test_every_panel_has_words_and_what_is_drawn_is_said_to_be_elsewhere(run, tmp_path):
    page = in_words([run], tmp_path / "all.md").read_text()
    assert {"Summary", "Leaderboard", "Privacy", "Provenance"} <= set(re.findall(r"^## (.*)$", page, re.M))
    assert "(Drawn in the HTML report.)" in page
    assert "<svg" not in page and "data:image" not in page


def test_all_rows_of_a_table_are_as_wide_as_its_head(run, tmp_path):
    lines = in_words([run], tmp_path / "all.md").read_text().splitlines()
    for before, rule in pairwise(lines):
        if re.fullmatch(r"\|(---\|)+", rule):
            assert len(re.findall(r"(?<!\\)\|", before)) == rule.count("|")
    assert sum(line.startswith("| ") for line in lines) > 10


def test_a_reason_becomes_a_numbered_note_and_a_bar_in_a_cell_stays_in_it():
    table = Table(
        "t", "Scores", [Head("Method"), Head("RG", "→ 1")], [Row([Cell("a|b"), Cell("not applicable", why="no encoder")])]
    )
    page = markdown.render([Section("s", "Panel", blocks=[table])], title="run", subtitle="1 method")
    assert "| a\\|b | not applicable (1) |" in page
    assert "(1) no encoder" in page


def test_a_panel_that_is_not_there_is_named_with_those_that_are(run, tmp_path):
    with pytest.raises(StoreError, match="no panel 'nowhere'") as caught:
        in_words([run], tmp_path / "x.md", ["nowhere"])
    assert "leaderboard" in caught.value.hint
    assert not (tmp_path / "x.md").exists()


@pytest.mark.parametrize(
    ("value", "said"),
    [(76.96, "77"), (77.0, "77"), (77.5, "77.5"), (1.5, "1.5"), (0.0, "0"), (100.0, "100"), (float("nan"), "missing")],
)
def test_a_patients_number_ends_in_a_digit(value, said):
    assert _value(value) == said


def test_every_sentence_of_the_verdict_that_quotes_a_demoted_score_carries_its_mark(run, tmp_path):
    page = in_words([run], tmp_path / "verdict.md", ["verdict"]).read_text()
    quoted = re.findall(r"DG spread(.{2})", page)
    assert quoted and all(after == " ✗" for after in quoted)


def test_one_of_anything_is_no_plural(tmp_path):
    page = in_words([make(tmp_path / "one", seeds=(0,))], tmp_path / "one.md").read_text()
    assert "1 seed" in page
    assert not re.search(r"(?<![\d.,])1 (seeds|paired seeds|trials|cohorts|methods|modalities|rows|silos|rounds)\b", page)
    assert not re.search(
        r"\d\.(?!\d)(?=[ ,|])", re.sub(r"\d\.\s+[A-Z(]", "", page)
    )  # a number that ends in a point, within a line


def test_a_distance_of_which_no_digit_is_left_has_no_point():
    assert _value(77.0) == "77"
