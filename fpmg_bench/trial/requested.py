"""Step 7, first half: the conditions that a release is asked for, given its labels (`sizes.labels`). All else comes from patients.

They are drawn jointly (`fpmg_bench.conditions`) from counts of the training patients: exact ones, or under privacy noisy ones, one
charged access a silo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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


def uniform(train: Cohort, label: NDArray[np.int64], seed: int, counts: Counts | None = None) -> NDArray[np.float64]:
    """Conditions with every trained label equally often."""
    labels = np.unique(label)
    n = min(len(label), BALANCED)
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
    rng = np.random.default_rng(seed_for(seed, "conditions"))
    layout = Layout.of(train, private=counts is not None)
    found = layout.exact(train.condition) if counts is None else counts
    requested = np.empty((len(label), len(train.conditions)))
    for value in np.unique(label):
        rows = np.flatnonzero(label == value)
        requested[rows] = drawn(layout, found[int(value)], len(rows), rng, int(value))
    requested[:, 0] = label
    return requested
