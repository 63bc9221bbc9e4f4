"""The graphs of a cohort's methods: drawn, and what was computed of them before training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fpmg_bench.report.blocks import Graph, Graphs
from fpmg_bench.report.drawing.svg import graph as drawn
from fpmg_bench.report.view import Group, Method
from fpmg_bench.report.wording import count, first, listing, number, plural

MOST = 40  # silos: beyond, a circle is a blot


def graphs_of(group: Group) -> Iterator[Graphs]:
    """One block with every topology that was run, once for each number of silos; nothing for runs that recorded none."""
    found: dict[tuple[str, int], tuple[Mapping[str, Any], list[str]]] = {}
    for method in group.trained:
        record = next((trial.record["graph"] for trial in method.done if trial.record.get("graph")), None)
        if record:
            found.setdefault((_topology(method), int(record["silos"])), (record, []))[1].append(method.name)
    items = [_graph(topology, record, names) for (topology, _), (record, names) in found.items()]
    if items:
        yield Graphs(f"graphs-{group.id}", f"{group.title}: who sends to whom", items)


def _topology(method: Method) -> str:
    choice = method.spec.get("topology") or {}
    params = {key: value for key, value in choice.items() if key != "name"} if "params" not in choice else choice["params"]
    return ", ".join([str(choice.get("name")), *(f"{key} {str(value).lower()}" for key, value in params.items())])


def _graph(topology: str, record: Mapping[str, Any], methods: list[str]) -> Graph:
    silos = int(record["silos"])
    edges = [(int(a), int(b)) for a, b in record["edges"]]
    nodes = {node for edge in edges for node in edge if node < 0}
    beside = f" and {plural(len(nodes), 'server or hub', 'servers or hubs')}" if nodes else ""
    alt = f"{topology}: {plural(silos, 'silo')}{beside}, {plural(len(edges), 'way')} from one node to another"
    svg = drawn(edges, silos) if silos <= MOST else ""
    return Graph(f"{topology}, {silos} silos", first(methods, 5), svg, alt, list(_facts(record)))


def _facts(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "connectivity", count(record["connectivity"])
    modulus = record["second_modulus"]
    yield "second modulus", "trained in turn" if modulus is None else number(modulus, 4)
    if modulus is not None:
        yield "rounds to 1e-3", "never" if record["rounds"] is None else count(record["rounds"])
    yield "a merge sees", "nothing is merged" if record["sees"] is None else f"{count(record['sees'])} models"
    yield "messages a round", count(record["messages"])
    if record.get("unreached"):
        yield "never reached", f"{'silo' if len(record['unreached']) == 1 else 'silos'} {listing(map(str, record['unreached']))}"
