"""Graphs in the report: every node and way is drawn, once where it goes both ways, with a head where it goes one."""

from __future__ import annotations

from pathlib import Path

from fpmg_bench.report.drawing.svg import graph
from fpmg_bench.report.federation.graphs import graphs_of
from fpmg_bench.report.read import TrialFiles
from fpmg_bench.report.view import Group, Method

RING = {
    "silos": 5, "edges": [[i, (i + d) % 5] for i in range(5) for d in (1, 4)], "connectivity": 2, "second_modulus": 0.5393,
    "rounds": 12, "sees": 3, "messages": 10,
}  # fmt: skip


def drawn(svg: str) -> tuple[int, ...]:
    return tuple(svg.count(f"<{shape} ") for shape in ("circle", "rect", "line", "path"))


def test_a_way_back_and_forth_is_one_line_and_a_one_way_edge_has_a_head():
    assert drawn(graph([(a, b) for a, b in RING["edges"]], 5)) == (5, 0, 5, 0)
    assert drawn(graph([(i, (i + 1) % 5) for i in range(5)], 5)) == (5, 0, 5, 5)
    star = [(i, -1) for i in range(4)] + [(-1, i) for i in range(4)]
    assert drawn(graph(star, 4)) == (4, 1, 4, 0)
    assert drawn(graph([], 3)) == (3, 0, 0, 0)
    assert 'x="46.0" y="46.0"' in graph(star, 4)  # the server in the middle
    assert '<circle cx="50.0" cy="6.0" r="4"/>' in graph([], 3)  # silo 0 on top


def method(name: str, topology: dict, record: dict | None) -> Method:
    files = {"graph": record} if record else {}
    return Method(
        name, "method", [TrialFiles("s", name, name, "toy", name, 0, "method", "ok", Path(), {"topology": topology}, files)]
    )


def test_methods_with_one_graph_share_its_drawing():
    gossip = {"name": "ring", "params": {"relay": False}}
    group = Group(None, "toy", "toy", "toy", (method("a", gossip, RING), method("b", gossip, RING), method("old", gossip, None)))
    (block,) = graphs_of(group)
    (item,) = block.items
    assert (item.title, item.methods) == ("ring, relay false, 5 silos", "a and b")
    assert dict(item.facts) == {
        "connectivity": "2", "second modulus": "0.5393", "rounds to 1e-3": "12", "a merge sees": "3 models", "messages a round": "10",
    }  # fmt: skip
    assert not list(graphs_of(Group(None, "toy", "toy", "toy", (method("old", gossip, None),))))
