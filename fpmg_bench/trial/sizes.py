"""Under `privacy.public_sizes: false`: how many patients a silo has, of which label and with which modality, is counted with noise.

One charged access a silo, before anything else. All that leaves the silo or divides what leaves it then uses these numbers: weights
of a merge, the mean of a batch, moments, the labels that a release is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Charges

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.privacy import LocalShard
    from fpmg_bench.spec import Privacy
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.types import Cohort

STAGE = "sizes"


@dataclass(frozen=True, slots=True)
class Sizes:
    """A silo's noisy numbers of patients: labels [K], and modality -> those that have it."""

    labels: NDArray[np.float64]
    present: Mapping[str, float]

    def at(self, stage: str) -> int:
        """Patients whom the shard of a stage declares; at least 1."""
        _, _, modality = stage.partition(":")
        return max(1, round(self.present[modality] if modality else float(self.labels.sum())))


def charges(privacy: Privacy | None) -> dict[str, Charges]:
    """What the counts cost a silo: nothing where sizes are public."""
    return {} if privacy is None or privacy.public_sizes else {STAGE: Charges(counts=1)}


def counted(train: Cohort, shards: Mapping[int, LocalShard], seed: int) -> dict[int, Tensor]:
    """silo -> its noisy counts [K + modalities]. The rows of a shard: label [n], present [n, modalities]."""
    import torch

    classes, modalities = len(train.classes), len(train.present)

    def bins(rows: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([torch.nn.functional.one_hot(rows["label"], classes), rows["present"]], dim=1)

    clip = (1 + modalities) ** 0.5  # a record has one label and each modality at most once
    return {s: shard.begin(seed, STAGE, "silo", s).counts(bins, clip) for s, shard in shards.items()}


def rows(train: Cohort, of: NDArray[np.intp]) -> dict[str, Tensor]:
    """What is counted of these records."""
    import torch

    present = np.stack([mask[of] for mask in train.present.values()], axis=1)
    return {"label": torch.as_tensor(train.label[of]), "present": torch.as_tensor(present).long()}


def reported(train: Cohort, counts: Mapping[int, Any]) -> dict[int, Sizes]:
    """silo -> its sizes, from counts [K + modalities]: below zero is none."""
    classes = len(train.classes)
    clear = {silo: np.asarray(row, dtype=np.float64).clip(min=0) for silo, row in counts.items()}
    return {s: Sizes(row[:classes], dict(zip(train.present, row[classes:].tolist(), strict=True))) for s, row in clear.items()}


def labels(train: Cohort, sizes: Mapping[int, Sizes]) -> NDArray[np.int64]:
    """The labels [n] that a release is asked for, sorted: the training records' own, or as many as the silos' noisy counts say."""
    if not sizes:
        return np.sort(train.label)
    total = np.rint(np.sum([s.labels for s in sizes.values()], axis=0)).astype(int)
    if not total.any():
        total[:] = 1  # noise left nobody: one patient of each label
    return np.repeat(np.arange(len(total)), total)


def by_silo(train: Cohort, silos: Sequence[Silo], sizes: Mapping[int, Sizes]) -> dict[int, NDArray[np.float64]]:
    """silo -> records a class [K]: the training records' own, or what its noisy counts say. Their sum is that of `labels`."""
    own = {s.index: np.bincount(train.label[s.rows], minlength=len(train.classes)).astype(np.float64) for s in silos}
    return {silo: sizes[silo].labels if silo in sizes else counts for silo, counts in own.items()}
