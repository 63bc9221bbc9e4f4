"""What there was to win stands beside what could be found."""

from fpmg_bench.report.measures import TSTR
from fpmg_bench.report.verdicts import tested
from fpmg_bench.report.verdicts.headroom import headroom
from fpmg_bench.report.verdicts.verdict import found as verdict_found

from .small_view import rows, small

START = [0.70, 0.71, 0.69, 0.70, 0.71]
FPMG = [0.71, 0.72, 0.69, 0.71, 0.70]


def board(decoded):
    found = [*rows("fpmg", "tstr", FPMG), *rows("untrained", "tstr", START), *rows("decoded", "tstr", decoded)]
    return small(found, decoded=["decoded"], rounds={"untrained": 0})


def cell(view, group):
    (table,) = tested.tables(view, group)
    return next(row.cells[1] for row in table.rows if row.cells[0].text == "headroom")


def said(view, group):
    return next((finding.text for finding in verdict_found(view, group) if finding.topic == "Headroom"), "")


def test_a_reference_far_above_the_start_leaves_room_to_win():
    view, group = board([0.95, 0.94, 0.95, 0.96, 0.95])
    assert cell(view, group).text == "+0.248"
    assert "nothing could win" not in cell(view, group).small
    assert "would be told from an untrained one" in said(view, group)


def test_where_the_reference_is_the_start_nothing_could_win():
    view, group = board([0.71, 0.71, 0.69, 0.70, 0.71])
    assert cell(view, group).small == "decoded beside untrained\nnothing could win here"
    assert said(view, group).startswith("Nothing could win here by TSTR")


def test_only_seeds_in_common_count_and_a_lost_start_leaves_none():
    view, group = board([0.9, None, None, None, None])
    room = headroom(view, group, TSTR)
    assert (room.seeds, round(room.value, 6)) == (1, 0.2)
    view, group = small([*rows("fpmg", "tstr", FPMG), *rows("decoded", "tstr", START)], decoded=["decoded"])
    assert headroom(view, group, TSTR) is None
    assert said(view, group) == ""


def test_a_private_method_without_rounds_is_no_start():
    found = [*rows("a-dp", "tstr", [0.5] * 5), *rows("untrained", "tstr", START), *rows("decoded", "tstr", [0.9] * 5)]
    view, group = small(found, decoded=["decoded"], privacy={"a-dp": 8.0}, rounds={"a-dp": 0, "untrained": 0})
    assert headroom(view, group, TSTR).start.name == "untrained"
