"""The star of FedAvg (McMahan et al., 2017): all to the server, merge, server to all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.types import SERVER, Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Star:
    """2n messages a round; the server sends n of them."""

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        up = Step(tuple(Transfer(silo, SERVER) for silo in silos), on_arrival="merge")
        down = Step(tuple(Transfer(SERVER, silo) for silo in silos), on_arrival="replace")
        return [up, down]

    def messages(self, silos: int) -> int:
        return 2 * silos

    def inputs(self, silos: int) -> int:
        """Models that the server's merge sees."""
        return silos
