"""phi: one frozen space a dataset and seed in which all distances are taken, whatever encoders a method has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation.features import fit
from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.evaluation.features import Featurizer
    from fpmg_bench.types import Cohort

PAIRED_ROWS = 800  # records among which the mean pairwise distance is taken
COMPONENTS = 8


@dataclass(frozen=True, slots=True)
class Block:
    """One modality's features, centred on T and divided by their mean pairwise distance on T."""

    features: Featurizer
    centre: NDArray[np.float32]
    scale: float

    def __call__(self, data: Any) -> NDArray[np.float32]:
        """The block of these records [n, width]."""
        return (self.features(data) - self.centre) / np.float32(self.scale)

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.centre)


@dataclass(frozen=True, slots=True)
class EvaluationSpace:
    """blocks: modality -> its part of phi, in order; origin [d], axes [d, <= 8]: principal components of T's complete records."""

    blocks: Mapping[str, Block]
    origin: NDArray[np.float32]
    axes: NDArray[np.float32]

    @classmethod
    def fit(cls, train: Cohort, seed: int) -> EvaluationSpace:
        """Fit on the training patients T. Modalities that no training record has get no block."""
        blocks = {}
        for name, schema in train.schemas.items():
            data = train.data[name].take(train.present[name])
            if len(data):
                blocks[name] = _block(fit(schema, data, seed), data, seed)
        width = sum(block.width for block in blocks.values())
        space = cls(blocks, np.zeros(width, np.float32), np.zeros((width, 0), np.float32))
        return cls(blocks, *_principal(space.phi(train)[space.complete(train)]))

    def complete(self, cohort: Cohort, modality: str | None = None) -> NDArray[np.bool_]:
        """Records [n] that have this modality, or all modalities of the space."""
        mask = np.full(len(cohort), bool(self.blocks))
        for name in self.blocks if modality is None else (modality,):
            mask &= cohort.present.get(name, np.zeros(len(cohort), bool))
        return mask

    def phi(self, cohort: Cohort, modality: str | None = None) -> NDArray[np.float32]:
        """[n, d], one modality's block or all of them in order. A block is 0 (T's centre) where the modality is absent."""
        if modality is not None and modality not in self.blocks:
            raise NotApplicable(f"no training record has the modality {modality!r}")
        parts = [self._part(cohort, name) for name in (self.blocks if modality is None else (modality,))]
        return np.concatenate(parts, 1) if parts else np.zeros((len(cohort), 0), np.float32)

    def project(self, phi: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first 8 principal components [n, <= 8] of points of the whole phi."""
        scores: NDArray[np.float32] = ((phi - self.origin) @ self.axes).astype(np.float32, copy=False)
        return scores

    def _part(self, cohort: Cohort, name: str) -> NDArray[np.float32]:
        block = self.blocks[name]
        part = np.zeros((len(cohort), block.width), np.float32)
        rows = np.flatnonzero(self.complete(cohort, name))
        if len(rows):
            part[rows] = block(cohort.data[name].take(rows))
        return part


def _block(features: Featurizer, data: Any, seed: int) -> Block:
    x = features(data)
    rng = np.random.default_rng(seed_for(seed, "evaluation space", "pairs"))
    some = x[rng.permutation(len(x))[:PAIRED_ROWS]]
    return Block(features, x.mean(0, dtype=np.float64).astype(np.float32), _mean_distance(some) or 1.0)


def _mean_distance(x: NDArray[np.float32]) -> float:
    """Mean Euclidean distance over all pairs of rows; 0 for fewer than two rows."""
    if len(x) < 2:
        return 0.0
    from scipy.spatial.distance import pdist

    return float(pdist(x.astype(np.float64)).mean())


def _principal(x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and leading eigenvectors of the covariance; the sign is fixed by the largest entry."""
    if len(x) < 2:
        return np.zeros(x.shape[1], np.float32), np.zeros((x.shape[1], 0), np.float32)
    mean = x.mean(0, dtype=np.float64)
    centred = x - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :COMPONENTS]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    return mean.astype(np.float32), axes.astype(np.float32)
