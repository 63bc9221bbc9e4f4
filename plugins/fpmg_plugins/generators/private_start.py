"""The Gaussian that generators start from under privacy: class means and variances from one noised access, shrunk by their noise.

A full covariance of so many columns would be noise at hospital size. Means are not: what the silos sum has a patient's share of
noise in it, and how much is public, so that the rest is post-processing (James and Stein, 1961, positive part).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.columns import presence

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Representation, Space, State

LEAST, MOST = 0.1, 2.0  # of a variance: encoders aim at 1


def statistics(space: Space, shard: Shard) -> State:
    """Noised sums by class of conditions and vectors [K * w], of their squares, and the variance of the noise in either."""
    bound = width(space) ** 0.5  # the norm of a row of unit variance
    found = shard.moments(_by_class, bound, full=False)
    noise = torch.tensor([found.noise * bound, found.noise * bound**2], dtype=torch.float64)
    return {"start/first": found.n * found.mean, "start/square": found.n * found.second, "start/noise": noise.square()}


def width(space: Space) -> int:
    """w: conditions other than the label, and vectors."""
    return conditions.width(space) - conditions.classes(space) + space.width


def gaussian(space: Space, stats: State, counted: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [K, w] and factor [w, w], diagonal. counted [K]: records of each class; present [w]: share that has a column."""
    k = len(counted)
    first, square = (stats[f"start/{key}"].reshape(k, -1) for key in ("first", "square"))
    noise = stats["start/noise"]
    n = counted.clamp(min=1.0)[:, None] * present.clamp(min=1e-3)
    overall = shrunk(first.sum(0) / n.sum(0), k * noise[0] / n.sum(0).square())
    mean = torch.stack([overall + shrunk(first[c] / n[c] - overall, noise[0] / n[c].square()) for c in range(k)])
    mean = mean * (mean.shape[1] ** 0.5 / mean.norm(dim=1, keepdim=True)).clamp(max=1.0)  # rows were clipped to that norm
    within = square.sum(0) / n.sum(0) - (n * mean.square()).sum(0) / n.sum(0)
    level = within.mean().clamp(LEAST, MOST)
    variance = (level + shrunk(within - level, k * noise[1] / n.sum(0).square())).clamp(LEAST, MOST)
    return mean.float(), torch.diag(variance.sqrt()).float()


def shrunk(found: Tensor, noise: Tensor) -> Tensor:
    """`found` [w] towards 0, by the share of its square that its noise of variance `noise` [w] explains."""
    return found * (1 - noise.sum() / found.square().sum().clamp(min=1e-12)).clamp(min=0.0)


def _by_class(rows: Representation) -> Tensor:
    """[n, K * w]: conditions other than the label, and vectors, in the columns of the row's class; absent modalities 0."""
    k = conditions.classes(rows.space)
    given = conditions.features(rows.space, rows.condition)
    row = torch.cat([given[:, k:], rows.z * presence(rows.space, rows.present)], dim=1)
    return (given[:, :k, None] * row[:, None, :]).flatten(1)
