"""Cyclic weight transfer (Chang et al., 2018): one model visits silo after silo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fpmg_bench.types import Step, Transfer

if TYPE_CHECKING:
    from fpmg_bench.types import Rng


@dataclass(frozen=True)
class Cyclic:
    """Each silo trains what it is handed and hands it on: n messages and n trainings after one another a round; nothing is merged.

    A silo keeps the model as it left it, the first one the finished one. Training is serial, so a round takes n times as long; what
    the last silos learnt weighs most; the next silo sees its predecessor's very model.
    sums: statistics travel under masks, each partial sum uniform to whoever gets it, or in the clear.
    """

    sums: Literal["masked", "plain"] = "masked"

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        n = len(silos)
        moves = [(Transfer(silos[i], silos[(i + 1) % n]),) if n > 1 else () for i in range(n)]
        return [Step(move, on_arrival="replace", train=(silo,)) for silo, move in zip(silos, moves, strict=True)]

    def messages(self, silos: int) -> int:
        return silos if silos > 1 else 0
