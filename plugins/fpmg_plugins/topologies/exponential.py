"""The one-peer exponential graph (Ying et al., 2021): every silo speaks to one other, each round twice as far away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fpmg_bench.types import Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Exponential:
    """In round t silo i sends to silo i + 2^(t mod ceil(log2 n)), weight 1/2: n messages a round.

    Where n is a power of 2 and nobody trains in between, log2 n rounds give the exact mean. A merge sees 2 models, so robust rules
    that need more are undefined.
    sums: statistics travel under masks, each partial sum uniform to whoever gets it, or in the clear.
    """

    sums: Literal["masked", "plain"] = "masked"

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        n = len(silos)
        if n < 2:
            return []
        reach = 1 << round % (n - 1).bit_length()
        return [Step(tuple(Transfer(silos[i], silos[(i + reach) % n], weight=0.5) for i in range(n)))]

    def messages(self, silos: int) -> int:
        return silos if silos > 1 else 0
