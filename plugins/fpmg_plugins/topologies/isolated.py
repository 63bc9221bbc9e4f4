"""No federation: every silo keeps what it learnt (the local-only baseline)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpmg_bench.types import Rng, Step


@dataclass(frozen=True)
class Isolated:
    """0 messages a round."""

    def plan(self, silos: Sequence[int], round: int, rng: Rng) -> Sequence[Step]:
        return []

    def messages(self, silos: int) -> int:
        return 0
