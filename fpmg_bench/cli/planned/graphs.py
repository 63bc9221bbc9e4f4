"""What `plan` says of graphs: one line each, a picture, and what merging rules are worth on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from fpmg_bench.document.words import plural
from fpmg_bench.spec import Choice

if TYPE_CHECKING:
    from fpmg_bench.federation.graph import Graph
    from fpmg_bench.planning.forecast import Forecast
    from fpmg_bench.planning.robustness import Robustness
    from fpmg_bench.registry import Registry

DRAWN = 24  # nodes: a wider picture does not fit a terminal


@dataclass(frozen=True, slots=True)
class Planned:
    """One graph of a suite: its topology, its methods and their rules (all installed ones where asked for).

    message, per_round: bytes of the largest model that travels, and of a round with it.
    """

    topology: Choice
    graph: Graph
    methods: tuple[str, ...]
    message: int
    per_round: int | None
    rules: tuple[Robustness, ...]


def planned(forecasts: Sequence[Forecast], registry: Registry, liars: int, *, every: bool) -> list[Planned]:
    """Each topology with each number of silos, once."""
    from fpmg_bench.planning.robustness import robustness

    found: dict[str, list[Forecast]] = {}
    for f in forecasts:
        if f.graph is not None and f.topology is not None and not f.pooled:
            found.setdefault(f"{said(f.topology)}, {plural(f.graph.silos, 'silo')}", []).append(f)
    made = []
    for group in found.values():
        topology, graph = group[0].topology, group[0].graph
        assert topology is not None and graph is not None
        rules = {said(f.aggregator): f.aggregator for f in group if f.aggregator is not None}
        names = [registry.name_of(entry) for entry in registry.entries("aggregator")] if every else []
        known = {choice.name for choice in rules.values()}
        chosen = [*rules.values(), *(Choice(name) for name in sorted(names) if name not in known)]
        stages = [(stage.message, stage.per_round) for f in group for stage in f.stages if stage.silos == graph.silos]
        largest = max(stages, key=lambda sizes: sizes[0], default=(0, None))
        rows = tuple(robustness(topology, graph, choice, liars, registry) for choice in chosen if graph.sees is not None)
        made.append(Planned(topology, graph, tuple(f.id.rpartition("/")[0] for f in group), *largest, rows))
    return made


def show(graphs: Sequence[Planned], liars: int, *, pictures: bool) -> None:
    """The tables, and with `pictures` who sends to whom."""
    from fpmg_bench.cli import console

    columns = (
        "topology",
        "silos",
        "connectivity",
        "second modulus",
        "rounds to 1e-3",
        "messages a round",
        "bytes a round",
        "steps",
    )
    title = "Graphs: fewest nodes whose loss cuts a silo off, contraction a round, rounds until silos agree, M the largest model"
    console.table(title, columns, map(_facts, graphs), right=columns[1:])
    for each in graphs:
        if each.graph.unreached:
            silos = ", ".join(map(str, each.graph.unreached))
            console.say(f"{said(each.topology)}, {each.graph.silos} silos: no other's weights ever reach silo {silos}")
    if pictures:
        for each in graphs:
            console.say(f"\n{said(each.topology)}, {plural(each.graph.silos, 'silo')}: {_nodes(each.graph)}")
            typer.echo("\n".join(picture(each.graph)))
        typer.echo()
    columns = ("topology", "silos", "aggregator", "needs", "sees", "proven for", "given", _wanted(liars))
    rows = [
        (said(p.topology), p.graph.silos, said(r.aggregator), r.needs, r.sees, proven_for(r), r.on, r.wanted or "-")
        for p in graphs
        for r in p.rules
    ]
    console.table("Liars that a rule is proven to withstand", columns, rows, right=columns[3:5])


def as_json(each: Planned) -> dict[str, Any]:
    """The same for programs."""
    from dataclasses import asdict

    rules = [asdict(rule) | {"defined": rule.defined, "proven_for": proven_for(rule)} for rule in each.rules]
    facts = {"topology": asdict(each.topology), "methods": each.methods, "message": each.message, "per_round": each.per_round}
    return asdict(each.graph) | facts | {"rules": rules, "picture": list(picture(each.graph))}


def said(choice: Choice | None) -> str:
    """A component and its parameters in a few words."""
    if choice is None:
        return "-"
    return ", ".join([choice.name, *(f"{key} {str(value).lower()}" for key, value in choice.params.items())])


def proven_for(rule: Robustness) -> str:
    """Words for how many liars."""
    if not rule.defined:
        return "undefined"
    if rule.liars is None:
        return "measured only"
    return "none" if rule.liars == 0 else f"{rule.liars} liar{'s' if rule.liars > 1 else ''}"


def picture(graph: Graph) -> Iterator[str]:
    """Rows send to columns: x where a model goes, s the server, h2 a hub; nothing for more nodes than fit."""
    nodes = sorted({node for edge in graph.edges for node in edge} | set(range(graph.silos)), key=lambda n: (n < 0, abs(n)))
    if len(nodes) > DRAWN:
        return
    names = ["s" if node == -1 else str(node) if node >= 0 else f"h{-node}" for node in nodes]
    width = max(map(len, names))
    sent = set(graph.edges)
    yield " ".join([" " * width, *(name.rjust(width) for name in names)])
    for node, name in zip(nodes, names, strict=True):
        cells = ("x" if (node, other) in sent else "." for other in nodes)
        yield " ".join([name.rjust(width), *(cell.rjust(width) for cell in cells)]).rstrip()


def _facts(each: Planned) -> tuple[Any, ...]:
    from fpmg_bench.cli import console

    g = each.graph
    rounds = "never" if g.rounds is None and g.second_modulus is not None else g.rounds
    plain = each.per_round and each.per_round == (g.messages or 0) * each.message
    sent = f"{g.messages} M = {console.size_of(each.per_round)}" if plain else console.size_of(each.per_round)
    return (said(each.topology), g.silos, g.connectivity, g.second_modulus, rounds, g.messages, sent, g.steps)


def _nodes(graph: Graph) -> str:
    over = f"over {graph.period} rounds, " if graph.period > 1 else ""
    return f"{over}{plural(len(graph.edges), 'link')}, rows send to columns"


def _wanted(liars: int) -> str:
    return f"for {plural(liars, 'liar')}"
