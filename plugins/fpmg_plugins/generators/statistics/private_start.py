"""The Gaussian that generators start from under privacy: one noised access, and what is known of its noise.

Every patient adds one row of bounded norm: label, masks, vectors by class, and products of vectors. How much noise is in their sum
is public, so all that follows is post-processing: class means are shrunk by it (James and Stein, 1961, positive part), and of the
covariance those directions are kept that stand out of a matrix of such noise (Benaych-Georges and Nadakuditi, 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.columns import presence

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Representation, Space, State

COUNTED = 4.0  # weight of label and masks in the row: counts of a few patients must not drown
LEAST, MOST = 0.02, 4.0  # of a variance: encoders aim at 1


@dataclass(frozen=True, slots=True)
class Row:
    """Layout of a patient's row. k classes, m modalities, w columns of conditions and vectors."""

    k: int
    m: int
    w: int

    @classmethod
    def of(cls, space: Space) -> Row:
        k = conditions.classes(space)
        return cls(k, len(space.blocks), conditions.width(space) - k + space.width)

    @property
    def clip(self) -> float:
        """Norm of a row: w of the vectors by class, as much of their products, and the counts."""
        return float((COUNTED**2 * (1 + self.m) + 2 * self.w) ** 0.5)

    def make(self, rows: Representation) -> Tensor:
        """[n, k + m + k w + w (w + 1) / 2], no longer than `clip`: vectors are cut to norm sqrt(w) first."""
        given = conditions.features(rows.space, rows.condition).double()
        label = given[:, : self.k]
        x = torch.cat([given[:, self.k :], rows.z * presence(rows.space, rows.present)], dim=1)
        x = x * (self.w**0.5 / x.norm(dim=1, keepdim=True).clamp(min=1e-9)).clamp(max=1.0)
        products = (x[:, :, None] * x[:, None, :])[:, *self._upper()] * self._weights() / self.w**0.5
        by_class = (label[:, :, None] * x[:, None, :]).flatten(1)
        return torch.cat([COUNTED * label, COUNTED * rows.present.double(), by_class, products], dim=1)

    def sums(self, total: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Counts [k] and [m], sums of vectors by class [k, w], sums of their products [w, w]."""
        label, mask, by_class, products = torch.split(total, [self.k, self.m, self.k * self.w, self.w * (self.w + 1) // 2])
        second = torch.zeros(self.w, self.w, dtype=total.dtype)
        second[self._upper()] = products * self.w**0.5 / self._weights()
        return label / COUNTED, mask / COUNTED, by_class.reshape(self.k, self.w), second + torch.triu(second, 1).T

    def _upper(self) -> tuple[Tensor, Tensor]:
        at = torch.triu_indices(self.w, self.w)
        return at[0], at[1]

    def _weights(self) -> Tensor:
        """Entries beside the diagonal stand for two: the row's norm is that of the whole matrix."""
        row, column = self._upper()
        return torch.where(row == column, 1.0, 2.0**0.5).double()


def statistics(space: Space, shard: Shard) -> State:
    """The noised sum of a silo's rows, its counts, and the variance of the noise in each entry of the sum."""
    row = Row.of(space)
    total = shard.counts(row.make, row.clip)
    return {"start/private": total, "start/noise": torch.tensor([(shard.noise * row.clip) ** 2], dtype=torch.float64)}


def counts(space: Space, total: Tensor) -> Tensor:
    """[K + m]: records of each class and of each modality."""
    label, mask, _, _ = Row.of(space).sums(total)
    return torch.cat([label, mask])


def gaussian(space: Space, stats: State, present: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [K, w] and factor [w, w]. present [w]: share of the records that have a column."""
    row, noise = Row.of(space), float(stats["start/noise"])
    label, _, first, second = row.sums(stats["start/private"])
    n = label.clamp(min=1.0)[:, None] * present.clamp(min=1e-3)
    mean = _means(row, first, n, noise)
    both = label.clamp(min=1.0).sum() * present[:, None].minimum(present).clamp(min=1e-3)
    within = (second - torch.einsum("ki,kj->ij", n * mean, mean)) / both
    spread = (noise * row.w / 2) ** 0.5 / float(both.mean())  # of the noise in an entry beside the diagonal
    return mean.float(), standing_out(within, spread).float()


def _means(row: Row, first: Tensor, n: Tensor, noise: float) -> Tensor:
    """[K, w]: the overall mean towards 0, a class's towards the overall one. n [K, w]: records behind each entry."""
    overall = shrunk(first.sum(0) / n.sum(0), row.k * noise / n.sum(0).square())
    mean = torch.stack([overall + shrunk(first[c] / n[c] - overall, noise / n[c].square()) for c in range(row.k)])
    within: Tensor = mean * (row.w**0.5 / mean.norm(dim=1, keepdim=True)).clamp(max=1.0)  # rows were cut to that norm
    return within


def shrunk(found: Tensor, noise: Tensor) -> Tensor:
    """`found` [w] towards 0, by the share of its square that its noise of variance `noise` [w] explains."""
    return found * (1 - noise.sum() / found.square().sum().clamp(min=1e-12)).clamp(min=0.0)


def standing_out(covariance: Tensor, spread: float) -> Tensor:
    """A root of the covariance [w, w] without its noise of standard deviation `spread` an entry.

    An eigenvalue l above the bulk shows as l + w spread^2 / l, in a direction with squared cosine 1 - w spread^2 / l^2. The rest is
    one level that keeps the trace.
    """
    w = len(covariance)
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    level, edge = values.mean().clamp(LEAST, MOST), 2 * spread * w**0.5
    above = values - level
    true = (above + (above.square() - edge**2).clamp(min=0).sqrt()) / 2
    kept = torch.where(above > edge, true - (edge / 2) ** 2 / true.clamp(min=1e-12), 0.0)
    rest = (level - kept.sum() / w).clamp(LEAST, MOST)
    root: Tensor = (vectors * (rest + kept).sqrt()) @ vectors.T
    return root
