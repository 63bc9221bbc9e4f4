"""Silos, regional hubs and one server above them (Liu et al., 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge

from fpmg_bench.types import SERVER, Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Hierarchical:
    """2(n + h) messages a round, h = min(hubs, n): silos to hubs (mean weighted by patients), hubs to the server (the aggregator), and

    back. Neighbours in the list of active silos share a hub. With FedAvg it gives the star's model; a robust rule sees h models,
    one a hub, and a liar spoils its whole hub's.
    sums: statistics travel under masks, each partial sum uniform to whoever gets it, or in the clear.
    """

    hubs: Annotated[int, Ge(1)] = 2
    sums: Literal["masked", "plain"] = "masked"

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        n = len(silos)
        h = min(self.hubs, n)
        hub_of = {silo: SERVER - 1 - i * h // n for i, silo in enumerate(silos)}
        hubs = sorted(set(hub_of.values()), reverse=True)
        return [
            Step(tuple(Transfer(silo, hub) for silo, hub in hub_of.items()), on_arrival="mean"),
            Step(tuple(Transfer(hub, SERVER) for hub in hubs), on_arrival="merge"),
            Step(tuple(Transfer(SERVER, hub) for hub in hubs), on_arrival="replace"),
            Step(tuple(Transfer(hub, silo) for silo, hub in hub_of.items()), on_arrival="replace"),
        ]

    def messages(self, silos: int) -> int:
        return 2 * (silos + min(self.hubs, silos))
