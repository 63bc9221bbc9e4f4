"""Rounds that faults struck: the liars' models before the exchange, and what the round's record says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.faults import Round
    from fpmg_bench.federation.exchange import Node
    from fpmg_bench.federation.meter import Meter


def lie(faults: Round, nodes: Mapping[int, Node], honest: Sequence[int]) -> None:
    """The liars' trained models become what they say, in place; honest: the silos whose models they may look at."""
    if not faults.bends:
        return
    silos = {at: node for at, node in nodes.items() if at >= 0}
    models, references = {at: node.model for at, node in silos.items()}, {at: node.reference for at, node in silos.items()}
    for at, said in faults.lie(models, references, honest).items():
        nodes[at].model = nodes[at].trained = said


def reported(faults: Round, silos: Iterable[int], meters: Iterable[Meter]) -> dict[str, Any]:
    """What the line of a round adds, where there is anything: silos that were away, messages lost, seconds that silos were late."""
    here = set(silos)
    found: dict[str, Any] = {
        "inactive": sorted(faults.absent & here),
        "lost": sum(meter.lost for meter in meters),
        "delay": {str(silo): seconds for silo, seconds in faults.delay.items() if silo in here},
    }
    return {key: value for key, value in found.items() if value}
