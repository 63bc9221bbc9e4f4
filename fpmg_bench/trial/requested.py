"""Step 7, first half: the conditions that a release is asked for, given its labels (`sizes.labels`). All else comes from patients.

Without privacy the other conditions are drawn from their shares, means and spreads within the label. Under privacy they are drawn
from noisy counts, one charged access a silo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import PrivacyError
from fpmg_bench.keys import seed_for
from fpmg_bench.types import Charges

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.privacy import LocalShard
    from fpmg_bench.types import Cohort, Column

    Counts = NDArray[np.float64]  # [K, bins], K classes of the label

STAGE = "conditions"
BALANCED = 1000  # records of the uniformly labelled sample, at most as many as the release
BINS = 8  # equal parts of a number's declared range


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
    """silo -> its noisy counts [K * bins]. The rows of a shard are conditions [n, c]."""
    clip = (len(train.conditions) - 1) ** 0.5  # a record is in one bin of every column
    return {
        silo: shard.begin(seed_for(seed, STAGE, "silo", silo)).counts(lambda rows: _bins(train, rows["condition"]), clip)
        for silo, shard in shards.items()
    }


def _bins(train: Cohort, condition: Tensor) -> Tensor:
    """[n, K * bins]: a 1 in the label's row for every condition that is known."""
    import torch

    parts = [_one_hot(column, condition[:, j]) for j, column in enumerate(train.conditions) if j]
    label = torch.nn.functional.one_hot(condition[:, 0].long(), len(train.classes)).double()
    return (label[:, :, None] * torch.cat(parts, dim=1)[:, None, :]).flatten(1)


def _one_hot(column: Column, values: Tensor) -> Tensor:
    import torch

    known = ~values.isnan()
    at = values.nan_to_num(0.0)
    if column.type == "number":
        low, high = _range(column)
        at = ((at - low) / (high - low) * BINS).clamp(0, BINS - 1)
    return torch.nn.functional.one_hot(at.long(), _width(column)).double() * known[:, None]


def _width(column: Column) -> int:
    return BINS if column.type == "number" else max(column.width, 2)


def _range(column: Column) -> tuple[float, float]:
    if column.low is None or column.high is None or column.high <= column.low:
        raise PrivacyError(f"condition '{column.name}' has no declared range", "declare its low and high, or leave it out")
    return column.low, column.high


def _given(train: Cohort, label: NDArray[np.int64], seed: int, counts: Counts | None) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed_for(seed, "conditions"))
    requested = np.empty((len(label), len(train.conditions)))
    requested[:, 0] = label
    at = 0
    for j, column in enumerate(train.conditions[1:], start=1):
        for value in np.unique(label):
            n = int((label == value).sum())
            if counts is None:
                known = train.condition[train.label == value, j]
                requested[label == value, j] = _drawn(column, known[~np.isnan(known)], n, rng)
            else:
                requested[label == value, j] = _from_counts(column, counts[int(value), at : at + _width(column)], n, rng)
        at += _width(column)
    return requested


def _drawn(column: Column, known: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Flags by their share, numbers by mean and spread."""
    if not len(known):
        return np.full(n, np.nan)
    if column.type == "number":
        low = column.low if column.low is not None else known.min()
        high = column.high if column.high is not None else known.max()
        return _stepped(column, rng.normal(known.mean(), known.std(), n).clip(low, high))
    shares = np.bincount(known.astype(int), minlength=_width(column)) / len(known)
    return rng.choice(_width(column), n, p=shares).astype(np.float64)


def _from_counts(column: Column, counts: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Bins by their noisy counts (below 0: none), all alike where noise left nothing; numbers uniform within their bin."""
    mass = counts.clip(min=0)
    shares = mass / mass.sum() if mass.sum() > 0 else np.full(len(mass), 1 / len(mass))
    bins = rng.choice(len(shares), n, p=shares).astype(np.float64)
    if column.type != "number":
        return bins
    low, high = _range(column)
    return _stepped(column, low + (bins + rng.random(n)) / BINS * (high - low))


def _stepped(column: Column, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.round(values / column.step) * column.step if column.step else values
