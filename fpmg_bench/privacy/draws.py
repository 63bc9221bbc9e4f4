"""What shards did, counted beside the ledger: facts that an auditor can hold against its entries."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOKED_AT = 64  # openings of a stage whose noise an audit can draw again; one a round
FIELDS = ("patients", "draws", "drawn", "squares", "moments", "counts", "left_out")


@dataclass(slots=True)
class Draws:
    """One silo. stage -> its patients, Poisson draws, patients drawn (sum and sum of squares over draws), other accesses.

    left_out: rows that were not finite, each time they were met; the silo's own, as all of this is.

    openings: of the first `LOOKED_AT` openings under privacy [path, a mark of its key, calls, words]: calls: [numbers, how often] that
    noise was asked for, in order; words: how many of the key's stream it took. The mark tells nothing of the key.

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

    def opened(self, stage: str, path: Sequence[str | int], mark: str) -> None:
        """A shard has a new key from here on."""
        openings = self._of(stage).setdefault("openings", [])
        if len(openings) < LOOKED_AT:
            openings.append({"path": list(path), "mark": mark, "calls": [], "words": 0})

    def noise(self, stage: str, path: Sequence[str | int], numbers: Sequence[int], words: int) -> None:
        """Noise was added to sums of so many numbers each. words: taken since the opening at this path."""
        openings = self._of(stage).get("openings") or [None]
        if openings[-1] is None or openings[-1]["path"] != list(path):
            return  # one that is not looked at
        for each in numbers:
            calls = openings[-1]["calls"]
            if calls and calls[-1][0] == each:
                calls[-1][1] += 1
            else:
                calls.append([each, 1])
        openings[-1]["words"] = words

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
        self.stages.update({stage: copy.deepcopy(dict(counted)) for stage, counted in kept.items()})
