"""The privacy panel: which attack is the main one, when it has succeeded, who pays, and what is no evidence."""

from fpmg_bench.report.blocks import Table
from fpmg_bench.report.measures import ATTACK
from fpmg_bench.report.privacy import privacy
from fpmg_bench.report.privacy.attacks import distinguishable
from fpmg_bench.report.verdicts import epsilons, verdict

from .small_view import missing, rows, small

LEAK, NONE = [0.80, 0.82, 0.81, 0.80, 0.82], [0.50, 0.49, 0.51, 0.50, 0.49]


def tables(view):
    return {block.id: block for block in privacy.panel(view).blocks if isinstance(block, Table)}


def column(table, label):
    """method -> cell of the column whose label starts so."""
    at = next(i for i, head in enumerate(table.heads) if head.label.startswith(label))
    return {row.cells[0].text: row.cells[at] for row in table.rows}


def test_the_main_attack_is_the_worst_of_several_where_it_was_measured():
    view, group = small([*rows("ring", "pg.attack_auc", NONE), *rows("ring", "membership.worst", LEAK)])
    assert ATTACK.metric(view, group) == "membership.worst"
    cell = column(tables(view)["pg-cohort"], "PG attack")["ring"]
    assert (cell.text, cell.tone) == ("0.810", "bad")


def test_without_it_the_distance_to_the_closest_record_stands_and_the_panel_says_so():
    found = [*rows("ring", "pg.attack_auc", NONE), *missing("ring", "membership.worst", "too few patients")]
    view, group = small(found)
    assert ATTACK.metric(view, group) == "pg.attack_auc"
    table = tables(view)["pg-cohort"]
    assert (column(table, "PG attack")["ring"].text, column(table, "PG attack")["ring"].tone) == ("0.498", "")
    assert any("closest released record alone" in note for note in table.notes)
    assert any("metric neighbour" in note for note in table.notes)


def test_an_attack_succeeds_beyond_the_interval_over_patients_and_from_three_seeds_the_one_over_seeds():
    def summary(values, **more):
        view, group = small(rows("ring", "membership.worst", values, **more))
        return ATTACK.summary(view, group, group.methods[0])

    assert distinguishable(summary(LEAK))
    assert distinguishable(summary([0.8]))
    assert not distinguishable(summary([0.52, 0.521], low=0.45, high=0.6))  # two seeds that agree by chance
    assert distinguishable(summary([0.52, 0.9]))  # an interval over two seeds says nothing
    assert not distinguishable(summary([0.52, 0.9, 0.45]))
    assert not distinguishable(summary(LEAK, low=0.45, high=0.9))
    assert not distinguishable(summary(NONE))


def test_intervals_over_few_seeds_stay_in_the_range_that_the_metric_declares():
    found = [
        *rows("ring", "membership.worst", [0.2, 0.9], lowest=0.0, highest=1.0),
        *rows("ring", "rg", [0.2, 3.0], lowest=0.0),
        *rows("ring", "augmentation", [-0.01, 0.0], best=1.0, unit="AUROC", lowest=-1.0, highest=1.0),
    ]
    view, group = small(found, seeds=2)
    method = group.methods[0]
    assert ATTACK.summary(view, group, method).interval == (0.0, 1.0)
    low, high = view.summary(group, method, "rg").interval
    assert low == 0.0
    assert high > 3.0
    gain = view.summary(group, method, "augmentation")
    assert gain.low < gain.mean < gain.high


def test_records_neighbours_and_risks_stand_beside_it_with_reasons_and_proxies_come_last():
    found = [
        *rows("ring", "membership.worst", NONE), *rows("ring", "membership.records", NONE), *rows("star", "membership.worst", NONE),
        *missing("star", "membership.records", "no attack knows enough"), *rows("ring", "neighbour.membership", LEAK),
        *missing("star", "neighbour", "no frames"), *rows("ring", "inference.singling_out", [0.3] * 5, best=0.0, unit="risk"),
        *rows("ring", "proxies.share", [0.9] * 5), *rows("ring", "rg.copy_ratio", [0.1] * 5, best=1.0, unit="ratio"),
    ]  # fmt: skip
    view, group = small(found)
    made = tables(view)
    assert list(made)[-1] == "proxies-cohort"
    assert made["proxies-cohort"].fold
    assert all(cell.tone != "bad" for row in made["proxies-cohort"].rows for cell in row.cells)
    main = made["pg-cohort"]
    assert column(main, "neighbour")["ring"].tone == "bad"
    assert (column(main, "neighbour")["star"].text, column(main, "neighbour")["star"].why) == ("not applicable", "no frames")
    assert column(main, "records alone")["star"].why == "no attack knows enough"
    assert column(made["inferred-cohort"], "singling out")["ring"].tone == "bad"
    said = {finding.topic: finding.text for finding in verdict.found(view, group)}
    assert said["Neighbours"].endswith("from the messages of ring.")
    assert "Attack" in said
    assert "Attack succeeds" not in said


def test_classes_are_told_rarest_first_with_attack_and_utility_side_by_side():
    found = [
        *rows("ring", "membership.worst", NONE), *rows("ring", "membership.worst", LEAK, "class:rare"),
        *rows("ring", "membership.worst", NONE, "class:common"), *rows("ring", "tstr", [0.6] * 5, "class:rare"),
        *rows("ring", "tstr", [0.9] * 5, "class:common"), *missing("ring", "membership.worst", "9 members", "class:none"),
    ]  # fmt: skip
    table = tables(small(found)[0])["minorities-class-cohort"]
    texts = [[cell.text for cell in row.cells] for row in table.rows]
    assert texts == [["rare", "ring", "0.810", "0.600"], ["common", "ring", "0.498", "0.900"]]
    assert table.rows[0].cells[0].small == "10 records"
    assert table.rows[0].cells[2].tone == "bad"
    assert table.notes == ["none: 9 members."]
    assert not table.fold


def test_groups_and_silos_are_folded_and_nothing_is_shown_that_was_not_told():
    own = rows("ring", "membership.own", NONE, "silo:north")
    made = tables(small([*rows("ring", "membership.worst", NONE), *own])[0])
    assert made["minorities-silo-cohort"].fold
    assert "minorities-class-cohort" not in made
    assert "minorities-group-cohort" not in made


def test_utility_by_epsilon_is_drawn_where_there_are_several_ring_and_star_apart():
    names = ("ring", "ring-dp[epsilon=1]", "ring-dp[epsilon=8]", "star-dp[epsilon=1]", "star-dp[epsilon=8]")
    budgets = {name: float(name[-2]) for name in names if "=" in name}
    found = [row for name in names for row in (*rows(name, "tstr", [0.7, 0.8]), *rows(name, "membership.worst", NONE[:2]))]
    view, group = small(found, budgets, {name: name[:4] for name in names}, seeds=2)
    (figure,) = epsilons.figure(view, group)
    utility, attack = figure.plots
    assert [trace["mode"] for trace in utility.traces] == [
        "markers",
        "lines",
        "markers",
        "markers",
        "lines",
        "markers",
        "markers",
    ]
    assert {trace["name"]: trace["marker"]["symbol"] for trace in utility.traces} == {
        "ring": "circle",
        "ring-dp": "circle",
        "star-dp": "star",
    }
    assert utility.layout["xaxis"]["ticktext"] == ["1", "8", "∞"]
    assert attack.layout["shapes"][0]["y"] == 0.5
    assert [row.cells[2].text for row in figure.table.rows] == ["∞", "1.00", "8.00", "1.00", "8.00"]


def test_lines_by_epsilon_have_colours_of_their_own_however_many_methods_there_are():
    """Colours go by method and repeat past eight: b's first one is the ninth, and would have a's colour again."""
    names = [*(f"a[epsilon={e}]" for e in range(1, 9)), "b[epsilon=1]", "b[epsilon=8]"]
    found = [row for name in names for row in rows(name, "tstr", [0.7, 0.8])]
    view, group = small(found, {name: float(name[-2]) for name in names}, dict.fromkeys(names, "ring"), seeds=2)
    (figure,) = epsilons.figure(view, group)
    colours = {trace["name"]: trace["marker"]["color"] for trace in figure.plots[0].traces if trace["mode"] == "markers"}
    assert len(colours) == len(set(colours.values())) == 2


def test_one_budget_makes_no_figure():
    view, group = small([*rows("ring", "tstr", [0.7]), *rows("dp", "tstr", [0.7])], {"dp": 8.0}, seeds=1)
    assert list(epsilons.figure(view, group)) == []


def test_every_epsilon_says_whose_noise_it_is_and_what_it_takes_for_granted():
    """Formal and by silo, under a method's name, beside attacks; the scope explains each word that is used, and no other."""
    found = [
        *rows("old", "membership.worst", NONE),
        *rows("sound", "membership.worst", NONE),
        *rows("sound", "pg.epsilon", [1.0] * 5),
    ]
    view, group = small(found, privacy={"old": 8.0, "sound": 1.0})
    sound = group.methods[1]
    said = {"noise": "secure", "adjacency": "add/remove", "schema": "schema not confirmed"}
    for trial in sound.done:
        trial.spec["privacy"] |= {"secure": True, "public_sizes": False}
        trial.record["privacy"] |= said
        trial.ledger["silos"] = [{"silo": 0, "name": "a", "epsilon": 1.0}]
    formal = column(tables(view)["pg-cohort"], "formal")
    assert (formal["old"].small, formal["old"].tone) == ("simulated; zero-out, sizes and labels public", "")
    assert (formal["sound"].small, formal["sound"].tone) == ("secure; schema not confirmed", "good")
    assert column(tables(view)["ledger-cohort"], "ε")["sound"].small == "secure; schema not confirmed"
    scope = " ".join(next(block for block in privacy.panel(view).blocks if getattr(block, "title", "") == "Scope").paragraphs)
    assert all(word in scope for word in ("Simulated: not for release", "Secure:", "Zero-out", "Schema not confirmed"))
    assert "secret root" not in scope
    assert any("(ε 1.00 secure; schema not confirmed)" in finding.text for finding in verdict._formal(view, group))
