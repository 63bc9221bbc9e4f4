"""The star of FedAvg (McMahan et al., 2017): all to the server, merge, server to all."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge

from fpmg_bench.types import SERVER, Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Star:
    """2n messages a round; the server sends n of them.

    masked: secure aggregation (Bonawitz et al., 2017): models go up under pairwise masks, 8 bytes a number, and the server learns
    their weighted sum alone; the public keys cost 32 n^2 bytes a stage. For aggregators
    that need the sum only. All silos get that sum: of two, each can subtract its own part and has the other's; of n, any n - 1
    that collude have the last one's. Only differential privacy bounds what the sum itself tells.
    drops: so many silos may fail to send in a round, and the masked sum of the others is found from shares of secrets; fewer than half.
    sums: statistics travel under masks, each partial sum uniform to whoever gets it, or in the clear.
    secure: the old name of `masked`; `secure` is what privacy says of noise.
    """

    masked: bool = False
    secure: bool | None = None
    sums: Literal["masked", "plain"] = "masked"
    drops: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        if self.secure is not None:
            warnings.warn("topology star: 'secure' is now 'masked'; the old name goes with 0.3", FutureWarning, stacklevel=3)
            object.__setattr__(self, "masked", self.secure)

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        up = Step(
            tuple(Transfer(silo, SERVER) for silo in silos),
            on_arrival="merge",
            masked=self.masked,
            drops=self.drops if self.masked else 0,
        )
        down = Step(tuple(Transfer(SERVER, silo) for silo in silos), on_arrival="replace")
        return [up, down]

    def messages(self, silos: int) -> int:
        return 2 * silos

    def messages_masked(self, silos: int) -> int:
        """Of the messages, those under masks."""
        return silos if self.masked else 0
