"""What shards did, counted beside the ledger: facts that an auditor can hold against its entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIELDS = ("patients", "draws", "drawn", "squares", "moments", "counts", "left_out")


@dataclass(slots=True)
class Draws:
    """One silo. stage -> its patients, Poisson draws, patients drawn (sum and sum of squares over draws), other accesses.

    left_out: rows that were not finite, each time they were met; the silo's own, as all of this is.

    planned: [patients, rate] of every group that was to be drawn at one rate, as the trial had it before a shard was opened.
    """

    stages: dict[str, dict[str, Any]] = field(default_factory=dict)

    def plan(self, stage: str, patient: NDArray[np.int64], rate: float | NDArray[np.float64]) -> None:
        """Before a shard opens. rate: of all, or one a record; a patient's is the largest of their records'."""
        people, inverse = np.unique(patient, return_inverse=True)
        each = np.zeros(len(people))
        np.maximum.at(each, inverse, np.broadcast_to(np.asarray(rate, dtype=np.float64), len(inverse)))
        groups, sizes = np.unique(each, return_counts=True)
        self._of(stage)["planned"] = [[int(size), float(group)] for group, size in zip(groups, sizes, strict=True)]

    def draw(self, stage: str, patients: int, size: int) -> None:
        """One sample of `size` out of `patients`."""
        self._add(stage, patients, draws=1, drawn=size, squares=size * size)

    def access(self, stage: str, patients: int, kind: str) -> None:
        """One pass over all patients: "moments" or "counts"."""
        self._add(stage, patients, **{kind: 1})

    def odd(self, stage: str, rows: int) -> None:
        """So many rows of one access were not finite."""
        counted = self._of(stage)
        counted["left_out"] = counted.get("left_out", 0) + rows

    def _of(self, stage: str) -> dict[str, Any]:
        return self.stages.setdefault(stage, dict.fromkeys(FIELDS, 0))

    def _add(self, stage: str, patients: int, **more: int) -> None:
        counted = self._of(stage)
        counted["patients"] = patients
        for name, count in more.items():
            counted[name] += count

    def recall(self, kept: Mapping[str, Mapping[str, Any]]) -> None:
        """Put back what was counted before an interruption."""
        self.stages.update({stage: dict(counted) for stage, counted in kept.items()})
