"""Step 7, first half: the conditions that a release is asked for, given its labels (`sizes.labels`). All else comes from patients.

They are drawn jointly (`fpmg_bench.conditions`) from counts of the training patients: exact ones, or under privacy noisy ones, one
charged access a silo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.conditions import Layout, drawn
from fpmg_bench.keys import seed_for
from fpmg_bench.types import Charges

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.privacy import LocalShard
    from fpmg_bench.types import Cohort, Column

    Counts = NDArray[np.float64]  # [K, width], K classes of the label

STAGE = "conditions"
BALANCED = 1000  # records of the uniformly labelled sample, at most as many as the release


def mixture(train: Cohort, label: NDArray[np.int64], seed: int, counts: Counts | None = None) -> NDArray[np.float64]:
    """Conditions [n, c] to ask for: these labels [n] exactly, the others drawn given the label.

    counts: noisy ones, instead of the patients' own values. No patient's row of conditions is asked for again.
    """
    return _given(train, label, seed, counts)


def uniform(
    train: Cohort, label: NDArray[np.int64], seed: int, counts: Counts | None = None, size: int | None = None
) -> NDArray[np.float64]:
    """Conditions with every trained label equally often. size: records, where it is not the usual number."""
    labels = np.unique(label)
    n = min(len(label), BALANCED) if size is None else size
    return _given(train, np.sort(labels[np.arange(n) % len(labels)]), seed + 1, counts)


def charges(columns: Sequence[Column]) -> dict[str, Charges]:
    """What the noisy counts cost a silo: nothing where the label is the only condition."""
    return {STAGE: Charges(counts=1)} if len(columns) > 1 else {}


def counted(train: Cohort, shards: Mapping[int, LocalShard], seed: int) -> dict[int, Tensor]:
    """silo -> its noisy counts [K * width]. The rows of a shard are conditions [n, c]. PrivacyError: a number without a range."""
    layout = Layout.of(train, private=True)
    return {
        silo: shard.begin(seed, STAGE, "silo", silo).counts(lambda rows: layout.counted(rows["condition"]), layout.clip)
        for silo, shard in shards.items()
    }


def said(train: Cohort) -> dict[str, list[str]]:
    """Which conditions are drawn together and which are not; nothing where the label is the only one."""
    return Layout.of(train, private=False).said()


def _given(train: Cohort, label: NDArray[np.int64], seed: int, counts: Counts | None) -> NDArray[np.float64]:
    return Law.of(train, counts).draw(label, np.random.default_rng(seed_for(seed, "conditions")))


@dataclass(frozen=True, slots=True)
class Law:
    """How conditions are drawn given the label. counts [K, width]: exact, or noisy ones where the layout is private."""

    layout: Layout
    counts: Counts

    @classmethod
    def of(cls, train: Cohort, counts: Counts | None = None) -> Law:
        """Of training patients; counts: noisy ones, which are then all that is known of them."""
        layout = Layout.of(train, private=counts is not None)
        return cls(layout, layout.exact(train.condition) if counts is None else counts)

    def draw(self, label: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Conditions [n, c] with these labels [n]."""
        requested = np.empty((len(label), len(self.layout.columns)))
        for value in np.unique(label):
            rows = np.flatnonzero(label == value)
            requested[rows] = drawn(self.layout, self.counts[int(value)], len(rows), rng, int(value))
        requested[:, 0] = label
        return requested

    def to_json(self) -> dict[str, Any]:
        """Counts that are not 0, by their place, and the ranges of numbers: what a release needs when no patient is there."""
        flat = self.counts.ravel()
        at = np.flatnonzero(flat)
        ranges = {str(j): list(ends) for j, ends in self.layout.ranges.items()}
        return {"private": self.layout.private, "ranges": ranges, "at": at.tolist(), "counts": flat[at].tolist()}

    @classmethod
    def from_json(cls, columns: tuple[Column, ...], classes: int, said: Mapping[str, Any]) -> Law:
        """The reverse of `to_json`, under the same declared conditions."""
        ranges = {int(j): (float(low), float(high)) for j, (low, high) in said["ranges"].items()}
        layout = Layout.told(columns, classes, ranges, private=bool(said["private"]))
        flat = np.zeros(classes * layout.width)
        flat[said["at"]] = said["counts"]
        return cls(layout, flat.reshape(classes, layout.width))
