"""The first screen and the leaderboard: they agree with each other, and what is trivially best has won nothing."""

from fpmg_bench.report.blocks import SHADES, Checks
from fpmg_bench.report.measures import CO, SPREAD, TSTR
from fpmg_bench.report.verdicts import leaderboard, pareto, summary, tested
from fpmg_bench.report.verdicts.opening import opening
from fpmg_bench.report.verdicts.shades import shades

from .small_view import rows, small

GOOD, POOR = [0.90, 0.91, 0.92, 0.91, 0.90], [0.80, 0.81, 0.82, 0.80, 0.81]
GUESSED, FOUND = [0.50, 0.51, 0.49, 0.50, 0.50], [0.80, 0.81, 0.79, 0.80, 0.80]


def answers(*found, **more):
    view, _ = small([row for each in found for row in each], **more)
    return opening(view, Checks("validity", [])), summary.table(view).rows[0].cells


def test_a_winner_is_named_once_with_its_test_and_its_caveat():
    first, cells = answers(rows("a", "tstr", GOOD), rows("b", "tstr", POOR))
    assert first.answers[0].startswith("a wins by utility (TSTR), 0.908") and "paired test" in first.answers[0]
    assert first.caveat == "No method has a formal guarantee; an attack that fails is none."
    assert (cells[1].text, cells[1].tone) == ("a: wins", "good")


def test_two_that_cannot_be_told_apart_have_a_best_mean_and_no_winner():
    first, cells = answers(rows("a", "tstr", GOOD), rows("b", "tstr", GOOD[::-1]))
    assert first.answers[0].startswith("No winner by utility (TSTR): a has the best mean")
    assert cells[1].text == "a: best mean" and "level with b" in cells[1].small and not cells[1].tone


def test_who_leads_by_another_score_is_not_in_green():
    first, cells = answers(
        rows("a", "tstr", GOOD),
        rows("b", "tstr", GOOD[::-1]),
        rows("a", "rg", [1.0] * 5),
        rows("b", "rg", [1.5, 1.51, 1.49, 1.5, 1.52]),
    )
    assert "No winner" in first.answers[0]
    assert (cells[2].text, cells[2].tone) == ("a: best", "")


def test_to_send_nothing_wins_nothing():
    _, cells = answers(
        *(rows(name, "tstr", GOOD) for name in "abc"),
        rows("a", "co", [0.0] * 5),
        rows("b", "co", [9e6] * 5),
        rows("c", "co", [1e6] * 5),
    )
    assert cells[-1].text == "least: c" and "a: nothing sent" in cells[-1].small and not cells[-1].tone


def test_the_attacked_are_named_in_both_places():
    first, cells = answers(
        *(rows(n, "tstr", GOOD) for n in "ab"), rows("a", "membership.worst", GUESSED), rows("b", "membership.worst", FOUND)
    )
    assert "tells training patients from others of b (0.80)" in first.answers[1]
    assert (cells[-1].text, cells[-1].tone) == ("found out: b", "bad")


def test_the_board_starts_with_the_headline_and_its_best_mean():
    view, _ = small(
        [*rows("b", "tstr", POOR), *rows("a", "tstr", GOOD), *rows("a", "rg", [1.2] * 5), *rows("b", "rg", [1.0] * 5)]
    )
    (tabs,) = leaderboard.panel(view).blocks
    board = tabs.items[0].blocks[0]
    assert [head.label.rstrip(" °") for head in board.heads[:3]] == ["Method", "TSTR", "RG"]
    assert [row.cells[0].text for row in board.rows if not row.pinned] == ["a", "b"]
    assert [row.cells[1].shade for row in board.rows if not row.pinned] == [SHADES, 0]


def test_a_sweep_is_one_line_with_its_settings_below():
    names = [f"dp[epsilon={e}]" for e in (1, 4, 8)]
    view, _ = small(
        [
            *(row for name, at in zip(names, (0.6, 0.7, 0.8), strict=True) for row in rows(name, "tstr", [at] * 5)),
            *rows("a", "tstr", GOOD),
        ]
    )
    (tabs,) = leaderboard.panel(view).blocks
    shown = [row for row in tabs.items[0].blocks[0].rows if not row.pinned]
    assert [(row.cells[0].text, row.sweep, row.of) for row in shown[:2]] == [("a", "", ""), ("dp", "dp", "")]
    assert shown[1].cells[1].text == "0.600 to 0.800" and shown[1].cells[0].small == "3 settings"
    assert [row.of for row in shown[2:]] == ["dp"] * 3


def test_a_demoted_score_shades_tests_and_fronts_nothing():
    view, group = small(
        [
            *rows("a", "tstr", GOOD),
            *rows("b", "tstr", POOR),
            *rows("a", "dg.spread", [0.9] * 5),
            *rows("b", "dg.spread", [0.5] * 5),
        ]
    )
    assert not SPREAD.verdict(view, group).counts
    assert shades(view, group, SPREAD, group.methods) == {} != shades(view, group, TSTR, group.methods)
    assert shades(view, group, CO, group.methods) == {}
    assert all("DG spread" not in head.label for table in tested.tables(view, group) for head in table.heads)
    assert SPREAD not in pareto.axes(view, group)
