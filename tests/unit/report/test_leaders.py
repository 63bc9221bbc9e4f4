"""Who leads where a method has lost a seed: the others are still told apart, on the seeds that they share."""

from fpmg_bench.report.measures import TSTR
from fpmg_bench.report.verdicts import leaderboard, summary
from fpmg_bench.report.verdicts.leaders import standing
from fpmg_bench.report.verdicts.verdict import found as verdict_found

from .small_view import rows, small

BEST, NEXT = [0.90, 0.91, 0.92, 0.91, 0.90], [0.80, 0.81, 0.82, 0.80, 0.81]


def three(last, first=BEST):
    return small([*rows("a", "tstr", first), *rows("b", "tstr", NEXT), *rows("c", "tstr", last)])


def said(view, group):
    return next(finding.text for finding in verdict_found(view, group) if finding.topic == "Utility")


def boards(view):
    """What stands under the tab of the first cohort."""
    (tabs,) = leaderboard.panel(view).blocks
    return tabs.items[0].blocks


def test_a_lost_seed_leaves_the_others_ranked_and_is_named():
    view, group = three([0.7, None, 0.71, 0.7, 0.72])
    table = standing(view, group, TSTR)
    assert (table.ranked, table.lost, table.seeds, table.unranked) == (True, True, 4, "c (4 seeds)")
    assert table.leader[1].mean == sum(BEST[i] for i in (0, 2, 3, 4)) / 4
    assert "over the 4 seeds that all methods have" in said(view, group)
    assert "Too few seeds to be tested: c (4 seeds)." in said(view, group)
    cell = summary.table(view).rows[0].cells[1]
    assert cell.text == "a: wins"
    assert "not tested: c (4 seeds)" in cell.small


def test_a_leader_without_five_seeds_wins_nothing():
    view, group = three([0.7] * 5, [0.9, None, 0.92, 0.91, 0.9])
    table = standing(view, group, TSTR)
    assert (table.ranked, table.seeds) == (False, 4)
    assert "Not ranked: 4 seeds, 5 are needed." in said(view, group)


def test_means_are_compared_on_the_seeds_in_common():
    """c is best on its two easy seeds, not on the seeds that both have."""
    view, group = small([*rows("a", "tstr", [0.6, 0.6, 0.95, 0.95]), *rows("c", "tstr", [None, None, 0.9, 0.91])], seeds=4)
    assert standing(view, group, TSTR).leader[0].name == "a"


def test_one_seed_in_common_is_too_few_to_restrict_to():
    view, group = small([*rows("a", "tstr", [0.6, 0.7, None]), *rows("c", "tstr", [None, 0.7, 0.8])], seeds=3)
    table = standing(view, group, TSTR)
    assert (table.lost, table.seeds, table.leader[0].name) == (False, 2, "c")


def test_nothing_lost_nothing_said():
    view, group = three([0.7, 0.69, 0.71, 0.7, 0.72])
    table = standing(view, group, TSTR)
    assert (table.ranked, table.lost, table.seeds, table.unranked) == (True, False, 5, "")
    assert "tells it from every other method (5 seeds)." in said(view, group)


def test_trials_with_canaries_do_not_compete_and_are_shown_apart():
    view, group = small(
        [*rows("a", "tstr", NEXT), *rows("b", "tstr", [0.7] * 5), *rows("audit", "tstr", BEST)], audited=["audit"]
    )
    assert standing(view, group, TSTR).leader[0].name == "a"
    shown = {block.id: block for block in boards(view) if block.kind == "table"}
    assert [row.cells[0].text for row in shown["audits-cohort"].rows] == ["audit"]
    assert "audit" not in [row.cells[0].text for row in shown["leaderboard-cohort"].rows]


def test_a_run_of_audits_alone_names_no_winner():
    view, group = small([*rows("one", "tstr", BEST), *rows("two", "tstr", NEXT)], audited=["one", "two"])
    assert standing(view, group, TSTR) is None
    assert "nothing to compare" in next(iter(verdict_found(view, group))).text


def test_real_patients_decoded_are_a_reference_beside_methods_and_compete_among_themselves():
    found = [*rows("a", "tstr", BEST), *rows("b", "tstr", NEXT), *rows("coder", "tstr", [0.99] * 5, floor=1.0)]
    view, group = small(found, decoded=["coder"])
    assert [m.name for m in group.ranked] == ["a", "b"] and [m.name for m in group.decoded] == ["coder"]
    assert standing(view, group, TSTR).leader[0].name == "a"
    board = boards(view)[0]
    assert [(row.cells[0].text, row.pinned) for row in board.rows][:2] == [("real (floor)", True), ("coder", True)]
    assert "encoded and decoded" in board.rows[1].cells[0].small
    words = {finding.topic: finding.text for finding in verdict_found(view, group)}
    assert "(coder), have TSTR 0.990" in words["Encoders"] and words["Encoders"].endswith(
        "real ones 1.000: the difference is the encoders', not a generator's."
    )
    alone = small(found, decoded=["a", "b", "coder"])[1]
    assert [m.name for m in alone.ranked] == ["a", "b", "coder"] and alone.decoded == []
