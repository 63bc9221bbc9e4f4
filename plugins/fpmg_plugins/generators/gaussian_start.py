"""What one exchange of statistics tells about the vectors: class shares, class means, the covariance within classes.

The GANs start from this Gaussian instead of from noise; the copula baseline is little more than it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fpmg_plugins.generators import conditions

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Representation, Space, State

CLIP = 16.0  # L2 bound of a row of vectors; plain runs do not clip


def joint(rows: Representation) -> Tensor:
    """[n, K + rest + d]: label one-hot and other conditions, then the vectors, absent modalities 0."""
    masked = rows.z * presence(rows.space, rows.present)
    return torch.cat([conditions.features(rows.space, rows.condition), masked], dim=1)


def presence(space: Space, present: Tensor) -> Tensor:
    """[n, d] float: the modality mask [n, m] spread over the modalities' columns."""
    widths = torch.tensor([block.stop - block.start for block in space.blocks.values()])
    return present.float().repeat_interleave(widths, dim=1)


def shares(rows: Representation) -> Tensor:
    """[n, K + m]: label one-hot and modality masks, for `Shard.counts`."""
    label = torch.nn.functional.one_hot(rows.condition[:, 0].long(), conditions.classes(rows.space)).float()
    return torch.cat([label, rows.present.float()], dim=1)


def statistics(space: Space, shard: Shard) -> State:
    """Exact sums of one silo. Under privacy only class and modality counts: second moments of so many columns would be noise."""
    counted = shard.counts(shares, clip=(1.0 + len(space.blocks)) ** 0.5)
    sums = {"start/counts": counted, "start/n": torch.tensor([float(shard.patients)], dtype=torch.float64)}
    if not shard.private:
        found = shard.moments(joint, CLIP)
        sums |= {"start/first": found.n * found.mean, "start/second": found.n * found.second}
    return sums


@dataclass(frozen=True, slots=True)
class Start:
    """shares [K], presence [m], mean [K, rest + d] and factor F [rest + d, rest + d] with F F^T the covariance within classes."""

    shares: Tensor
    presence: Tensor
    mean: Tensor
    factor: Tensor

    @classmethod
    def of(cls, space: Space, stats: State) -> Start:
        """From sums over silos. Without moments: mean 0 and covariance 1, which is what encoders aim at."""
        k, width = conditions.classes(space), conditions.width(space) - conditions.classes(space) + space.width
        n = float(stats["start/n"])
        counted = stats["start/counts"].clamp(min=0)
        shared = (counted[:k] / counted[:k].sum().clamp(min=1e-9)).clamp(min=1e-3)
        present = (counted[k:] / max(n, 1.0)).clamp(0.0, 1.0)
        if "start/second" not in stats:
            return cls(shared, present, torch.zeros(k, width), torch.eye(width))
        return cls(shared, present, *_gaussian(stats["start/first"] / n, stats["start/second"] / n, k))

    def block(self, space: Space, modalities: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Mean [K, d'] and factor [d', d'] of some modalities' columns alone."""
        rest = self.mean.shape[1] - space.width
        at = torch.cat([torch.arange(space.blocks[m].start, space.blocks[m].stop) for m in modalities]) + rest
        covariance = (self.factor @ self.factor.T)[at][:, at]
        return self.mean[:, at].float(), root(covariance.double()).float()


def _gaussian(first: Tensor, second: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Class means and a root of the covariance within classes, from moments of [one-hot, v]."""
    share = first[:k].clamp(min=1e-9)
    means = second[:k, k:] / share[:, None]
    within = second[k:, k:] - (means * share[:, None]).T @ means
    return means.float(), root(within).float()


def root(covariance: Tensor) -> Tensor:
    """Symmetric root of a covariance, negative eigenvalues (rounding, noise) cut at a small positive share of the largest."""
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    values = values.clamp(min=float(values.max().clamp(min=1e-12)) * 1e-6)
    return (vectors * values.sqrt()) @ vectors.T
