"""The cheap baseline: a Gaussian copula a class, from one exchange of moments and counts. Nothing is trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from fpmg_bench.devices import drawn
from fpmg_bench.types import Charges, Representation, Update
from fpmg_plugins.generators import conditions, patterns
from fpmg_plugins.generators.columns import owner, presence
from fpmg_plugins.generators.statistics.gaussian_start import CLIP, root

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State

BINS = 128
EDGE = 100.0  # public: vectors beyond it fall into the outermost bin


class GaussianCopula:
    """Per class: normal scores with the class's correlation, shrunk towards the pooled one, through the class's own histograms.

    Correlations are of the values, not of their normal scores, so that one exchange is enough. shrink: pseudo-patients of
    the pooled covariance.
    """

    rounds: int | None = 0
    additive = True

    def __init__(self, shrink: float = 32.0) -> None:
        self.shrink = shrink

    def charges(self, schema: Space, steps: int) -> Charges:
        return Charges(moments=1, counts=1)

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        k = conditions.classes(schema)
        moments = shard.moments(lambda rows: _by_class(rows, k), CLIP)
        make = _histogram if shard.private else _histogram_and_pattern
        counts = shard.counts(lambda rows: make(rows, k), clip=(schema.width + 1.0) ** 0.5)
        found, joined = counts.tensor_split([k * schema.width * BINS])
        told = {} if shard.private else {patterns.COUNTS: torch.zeros_like(joined) if ctx.lacks else joined}
        lacking = patterns.lacking(schema, float(shard.patients), ctx.lacks)
        return {"copula/second": moments.n * moments.second, "copula/bins": found, patterns.LACKING: lacking} | told

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        k, d = conditions.classes(schema), schema.width
        second = stats["copula/second"].reshape(k, d + 1, k, d + 1)
        blocks = torch.stack([second[c, :, c, :] for c in range(k)])
        sizes = blocks[:, 0, 0].clamp(min=1e-6)
        means = blocks[:, 0, 1:] / sizes[:, None]
        within = blocks[:, 1:, 1:] - sizes[:, None, None] * means[:, :, None] * means[:, None, :]
        pooled = within.sum(0) / sizes.sum()
        factors = [_correlation_root((within[c] + self.shrink * pooled) / (sizes[c] + self.shrink)) for c in range(k)]
        bins = stats["copula/bins"].clamp(min=0).reshape(k, d, BINS)
        made = {"copula/factor": torch.stack(factors).float(), "copula/cdf": _cdf(bins).float()}
        seen, at = stats["copula/bins"].reshape(k, d, BINS).sum((0, 2)), owner(schema)
        present = torch.stack([seen[at == m].mean() for m in range(len(schema.blocks))])
        having = patterns.prior(schema, float(sizes.sum()), present, stats[patterns.LACKING], stats.get(patterns.COUNTS))
        return made | having

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        return Update(state, float(shard.patients))

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng) -> Representation:
        n = len(condition)
        label = condition[:, 0].long()
        scores = torch.einsum("nij,nj->ni", state["copula/factor"][label], drawn((n, schema.width), rng, state["copula/factor"]))
        uniform = 0.5 * (1 + torch.erf(scores / math.sqrt(2)))
        z = torch.stack([_inverse(state["copula/cdf"][label, j], uniform[:, j]) for j in range(schema.width)], dim=1)
        return Representation(z, patterns.drawn(schema, state, condition, rng), condition, torch.arange(n), schema)


def edges() -> Tensor:
    """[BINS + 1]: fine around 0, coarse far out, the same for every vector."""
    reach = math.asinh(EDGE * 20)
    return torch.sinh(torch.linspace(-reach, reach, BINS + 1, dtype=torch.float64)) / 20


def _by_class(rows: Representation, k: int) -> Tensor:
    """[n, k (d + 1)]: (1, z) in the columns of the row's class."""
    z = (rows.z * presence(rows.space, rows.present)).double()
    row = torch.cat([torch.ones(len(z), 1, dtype=torch.float64), z], dim=1)
    label = torch.nn.functional.one_hot(rows.condition[:, 0].long(), k).double()
    return (label[:, :, None] * row[:, None, :]).reshape(len(z), -1)


def _histogram(rows: Representation, k: int) -> Tensor:
    """[n, k d BINS] one-hot bins of every present vector entry, in the row's class."""
    n, d = rows.z.shape
    at = (torch.bucketize(rows.z.double(), edges()) - 1).clamp(0, BINS - 1)
    cell = (rows.condition[:, 0].long()[:, None] * d + torch.arange(d)) * BINS + at
    return torch.zeros(n, k * d * BINS).scatter_(1, cell, presence(rows.space, rows.present))


def _histogram_and_pattern(rows: Representation, k: int) -> Tensor:
    return torch.cat([_histogram(rows, k), patterns.bins(rows)], dim=1)


def _correlation_root(covariance: Tensor) -> Tensor:
    scale = covariance.diagonal().clamp(min=1e-12).sqrt()
    return root(covariance / scale[:, None] / scale)


def _cdf(bins: Tensor) -> Tensor:
    """[k, d, BINS + 1] from 0 to 1; a class without patients gets the pooled histogram."""
    empty = bins.sum(-1, keepdim=True) <= 0
    bins = torch.where(empty, bins.sum(0, keepdim=True) + 1e-9, bins)
    total = bins.cumsum(-1)
    return torch.cat([torch.zeros_like(total[..., :1]), total / total[..., -1:]], dim=-1)


def _inverse(cdf: Tensor, uniform: Tensor) -> Tensor:
    """Quantiles [n] of the row's own cdf [n, BINS + 1], linear within a bin."""
    grid = edges().float()
    at = (torch.searchsorted(cdf.contiguous(), uniform[:, None].contiguous()) - 1).clamp(0, BINS - 1)[:, 0]
    low, high = cdf.gather(1, at[:, None])[:, 0], cdf.gather(1, at[:, None] + 1)[:, 0]
    inside = ((uniform - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
    return grid[at] + inside * (grid[at + 1] - grid[at])
