"""Tables of FC and CO: parts only where silos differ, and the network that times are stated for."""

from fpmg_bench.report.federation import consistency, overhead

from .small_view import missing, rows, small


def texts(table):
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_parts_are_listed_where_silos_differ_only():
    found = [*rows("relay", "fc", [0.0] * 5), *rows("relay", "fc.draws", [0.0] * 5)]
    for modality, value in ((None, 0.2), ("labs", 0.1), ("scan", 0.3)):
        found += rows("gossip", "fc", [value] * 5, modality=modality)
        found += rows("gossip", "fc.draws", [2 * value] * 5, modality=modality)
    found += rows("gossip", "fc", [0.15] * 5, scope="silo:north")
    parts, silos = consistency.tables(*small(found))
    assert texts(parts) == [
        ["relay", "all", "0", "–", "0"],
        ["gossip", "all", "0.200", "–", "0.400"],
        ["gossip", "labs", "0.100", "–", "0.200"],
        ["gossip", "scan", "0.300", "–", "0.600"],
    ]
    assert [row[:3] for row in texts(silos)] == [["gossip", "north", "0.150"]]
    assert silos.fold


def test_without_consistency_there_is_no_table():
    assert list(consistency.tables(*small(rows("relay", "rg", [1.0] * 5)))) == []


def test_communication_says_bytes_hops_seconds_and_why_a_number_is_missing():
    values = {"co": 2e6, "co.ratio": 12.0, "co.hops": 60.0, "co.round_hops": 4.0, "co.network_seconds": 125.0}
    found = [row for key, value in values.items() for row in rows("ring", key, [value] * 5)]
    found += missing("ring", "co.to_target", "nothing was evaluated between rounds")
    (table,) = overhead.tables(*small(found))
    (cells,) = texts(table)
    assert {"2\u00a0MB", "12\u00a0×", "60", "4.0", "2\u00a0min\u00a005\u00a0s", "not applicable"} <= set(cells)
    assert table.footnotes == ("nothing was evaluated between rounds",)
    assert "100 Mbit/s" in table.notes[0]


def test_silos_that_send_the_same_are_one_row():
    found = [row for m in ("ring", "star") for row in rows(m, "co", [1.0] * 5)]
    for silo, ring, star in (("north", 400.0, 300.0), ("south", 400.0, 100.0)):
        found += rows("ring", "co.per_round", [ring] * 5, scope=f"silo:{silo}")
        found += rows("star", "co.per_round", [star] * 5, scope=f"silo:{silo}")
    _, table = overhead.tables(*small(found))
    assert texts(table) == [["ring", "each", "400\u00a0B"], ["star", "north", "300\u00a0B"], ["star", "south", "100\u00a0B"]]


def test_the_network_of_the_suite_is_named():
    view, group = small(rows("ring", "co", [1.0] * 5))
    for trial in group.methods[0].trials:
        trial.spec["metrics"] = [{"name": "co", "params": {"latency": 0.2}}]
    (table,) = overhead.tables(view, group)
    assert "latency 0.2 s" in table.notes[0]
    assert "100 Mbit/s" in table.notes[0]
