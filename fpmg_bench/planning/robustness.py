"""What a merging rule is proven for on a graph: defined or not, how many liars, and the least width for a wanted number of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.federation.graph import Graph, graph_of
from fpmg_bench.spec import Choice

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry

WIDTHS = ("hops", "hubs")  # parameters by which a topology shows a merge more models


@dataclass(frozen=True, slots=True)
class Robustness:
    """One rule on one graph. needs, sees: models of a merge; liars: for how many it is proven, None for measured only.

    on: what the proof takes for granted; wanted: parameters that would do for the wanted number of liars ("hops: 2"), "as it is",
    or "" where none would.
    """

    aggregator: Choice
    needs: int
    sees: int | None
    liars: int | None
    on: str
    wanted: str

    @property
    def defined(self) -> bool:
        return self.sees is None or self.sees >= self.needs


def robustness(topology: Choice, graph: Graph, aggregator: Choice, wanted: int, registry: Registry) -> Robustness:
    """A rule on the graph that its topology makes of so many silos."""
    rule = registry.build("aggregator", aggregator)
    liars = proven(graph, rule)
    way = _least_width(topology, graph.silos, _set_for(wanted, aggregator, registry), wanted, registry)
    return Robustness(aggregator, rule.min_inputs(), graph.sees, liars, _taken_for_granted(graph) if liars else "", way)


def proven(graph: Graph, rule: Any) -> int | None:
    """Liars among all silos for which every merge is proven to stay near the honest models; None: measured only.

    Where every merge sees all silos, or stands at a server, what the rule withstands. In a neighbourhood also no more than leave the
    honest silos a majority on every way between them, (connectivity - 1) / 2 (Dolev, 1982): below that no rule can make them agree.
    """
    if graph.sees is None or graph.sees < rule.min_inputs() or not hasattr(rule, "withstands"):
        return None
    liars: int = rule.withstands(graph.sees)
    if graph.merging == "server" or graph.sees >= graph.silos or not liars:
        return liars
    return min(liars, (graph.hearing - 1) // 2) or None


def _taken_for_granted(graph: Graph) -> str:
    if graph.merging == "server":
        return (
            "an honest server"
            if min(min(edge) for edge in graph.edges) == -1
            else "honest server and hubs; a liar spoils its hub"
        )
    return "nobody changes what it relays" if graph.relayed else ""


def _least_width(topology: Choice, silos: int, aggregator: Choice, wanted: int, registry: Registry) -> str:
    rule = registry.build("aggregator", aggregator)
    for params in _widths(topology, silos, registry):
        graph = graph_of(registry.build("topology", Choice(topology.name, {**topology.params, **params})), silos)
        if (proven(graph, rule) or 0) >= wanted:
            return ", ".join(f"{name}: {value}" for name, value in params.items()) or "as it is"
    return ""


def _widths(topology: Choice, silos: int, registry: Registry) -> Iterator[dict[str, int]]:
    yield {}
    for name in WIDTHS:
        if name in registry.parameters("topology", topology.name):
            yield from ({name: width} for width in range(1, silos + 1))


def _set_for(liars: int, aggregator: Choice, registry: Registry) -> Choice:
    """The rule told of so many liars, where it has a parameter for them."""
    reported = {"liars": liars} if "liars" in registry.parameters("aggregator", aggregator.name) else {}
    return Choice(aggregator.name, {**aggregator.params, **reported})
