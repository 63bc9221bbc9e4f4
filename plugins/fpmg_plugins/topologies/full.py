"""The full graph: everyone to everyone at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fpmg_bench.types import Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Full:
    """n(n-1) messages a round in one step over n(n-1)/2 direct links; weights are shares of patients, as on a relay ring.

    Every silo merges the same models and ends with the same bits as after a relay, one step later instead of n-1.
    sums: statistics travel under masks, each partial sum uniform to whoever gets it, or in the clear.
    """

    sums: Literal["masked", "plain"] = "masked"

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        moves = tuple(Transfer(src, dst) for dst in silos for src in silos if src != dst)
        return [Step(moves)] if moves else []

    def messages(self, silos: int) -> int:
        return silos * (silos - 1)
