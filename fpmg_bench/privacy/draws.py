"""What shards did, counted beside the ledger: facts that an auditor can hold against its entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIELDS = ("patients", "draws", "drawn", "squares", "moments", "counts")


@dataclass(slots=True)
class Draws:
    """One silo. stage -> patients of the shard, Poisson draws, patients drawn (sum, sum of squares over draws), other accesses."""

    stages: dict[str, dict[str, int]] = field(default_factory=dict)

    def draw(self, stage: str, patients: int, size: int) -> None:
        """One sample of `size` out of `patients`."""
        self._add(stage, patients, draws=1, drawn=size, squares=size * size)

    def access(self, stage: str, patients: int, kind: str) -> None:
        """One pass over all patients: "moments" or "counts"."""
        self._add(stage, patients, **{kind: 1})

    def _add(self, stage: str, patients: int, **more: int) -> None:
        counted = self.stages.setdefault(stage, dict.fromkeys(FIELDS, 0))
        counted["patients"] = patients
        for name, count in more.items():
            counted[name] += count

    def recall(self, kept: Mapping[str, Mapping[str, Any]]) -> None:
        """Put back what was counted before an interruption."""
        self.stages.update({stage: {name: int(count) for name, count in counted.items()} for stage, counted in kept.items()})
