"""The cheap baseline: a Gaussian copula a class, from one exchange of moments and counts. Nothing is trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from fpmg_bench.devices import drawn
from fpmg_bench.types import Charges, Representation, Update
from fpmg_plugins import correlations
from fpmg_plugins.encoders.quantiles import on_simplex
from fpmg_plugins.generators import conditions, patterns
from fpmg_plugins.generators.columns import owner, presence
from fpmg_plugins.generators.statistics.gaussian_start import CLIP, root
from fpmg_plugins.generators.statistics.private_start import shrunk

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State

BINS = 128
NOISE = "copula/noise"  # [2], under privacy: variances of the noise in an entry of the summed products and in a bin
FAR, CERTAIN, LUCK = 5.0, 4.0, 1.25  # LUCK: two standard deviations above what BINS squares of noise add up to
EDGE = 100.0  # public: vectors beyond it fall into the outermost bin


class GaussianCopula:
    """Per class: normal scores with the class's correlation, shrunk towards the pooled one, through the class's own histograms.

    Correlations are of the values, not of their normal scores, so that one exchange is enough. shrink: pseudo-patients of
    the pooled covariance. The number or time that a label stands for is one more value of the copula, and vectors are drawn given it;
    other conditions play no part. Under privacy what noise explains of correlations goes towards 0, of histograms towards the normal
    distribution that encoders aim at (docs/decisions/102-noised-correlations.md).
    """

    rounds: int | None = 0
    additive = True

    def __init__(self, shrink: float = 32.0) -> None:
        self.shrink = shrink

    def charges(self, schema: Space, steps: int) -> Charges:
        return Charges(moments=1, counts=1)

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        k = conditions.classes(schema)
        longest = min(CLIP, (1 + 4.0 * _width(schema)) ** 0.5)  # encoders aim at variance 1; plain runs do not clip
        moments = shard.moments(lambda rows: _by_class(rows, k), longest)
        make = _histogram if shard.private else _histogram_and_pattern
        counts = shard.counts(lambda rows: make(rows, k), clip=(_width(schema) + 1.0) ** 0.5)
        found, joined = counts.tensor_split([k * _width(schema) * BINS])
        told = patterns.told(schema, float(shard.patients), ctx.lacks, None if shard.private else joined)
        if shard.private:  # patients as they are told already: those of the moments carry the noise of whole vectors
            wide = torch.tensor([block.stop - block.start for block in schema.blocks.values()])
            spread = (
                shard.noise**2 * (_width(schema) + 1.0) * k * BINS / wide
            ).double()  # of a modality's bins, mean over its columns
            told |= {"copula/n": torch.tensor([float(shard.patients)], dtype=torch.float64), patterns.VARIANCE: spread}
            each = shard.noise**2 * torch.tensor([2 * longest**4, _width(schema) + 1.0], dtype=torch.float64)
            told[NOISE] = each  # a row and its products share one access
        return {"copula/second": moments.n * moments.second, "copula/bins": found} | told

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        k, d = conditions.classes(schema), _width(schema)
        second = stats["copula/second"].reshape(k, d + 1, k, d + 1)
        blocks = torch.stack([second[c, :, c, :] for c in range(k)])
        told = stats["copula/bins"].reshape(k, d, BINS)
        noise = stats.get(NOISE, torch.zeros(2, dtype=torch.float64))
        sizes = _sizes(told, float(stats["copula/n"])) if NOISE in stats else blocks[:, 0, 0].clamp(min=1e-6)
        means = blocks[:, 0, 1:] / sizes[:, None]
        if NOISE in stats:
            lucky = noise[0] * (1 + 2 * (2 / d) ** 0.5)  # what so few squares of noise hardly exceed
            means = torch.stack([shrunk(mean, (lucky / n.square()).expand(d)) for mean, n in zip(means, sizes, strict=True)])
        within = blocks[:, 1:, 1:] - sizes[:, None, None] * means[:, :, None] * means[:, None, :]
        pooled = within.sum(0) / sizes.sum()
        patients = float(stats.get("copula/n", sizes.sum()))
        bins = _denoised(told, noise[1]) if noise[1] > 0 else told.clamp(min=0)
        seen, at = told.sum((0, 2))[: schema.width], owner(schema)
        present = torch.stack([seen[at == m].mean() for m in range(len(schema.blocks))])
        having = patterns.prior(schema, patients, present, stats)
        drawn_from = {"copula/cdf": _cdf(bins).float()} | having
        own = [(within[c] + self.shrink * pooled) / (sizes[c] + self.shrink) for c in range(k)]
        spread = [_noise(noise[0], sizes, means, c, self.shrink) for c in range(k)]
        root_of = [root(correlations.correlation(*pair)) for pair in zip(own, spread, strict=True)]
        if d == schema.width:
            return {"copula/factor": torch.stack(root_of).float()} | drawn_from
        given = [_given_last(each) for each in root_of]
        slope, factor = (torch.stack(parts).float() for parts in zip(*given, strict=True))
        return {"copula/factor": factor, "copula/slope": slope} | drawn_from

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        return Update(state, float(shard.patients))

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng) -> Representation:
        n = len(condition)
        label = condition[:, 0].long()
        scores = _correlated(drawn((n, schema.width), rng, state["copula/factor"]), state["copula/factor"], label)
        if (target := conditions.target(schema, condition)) is not None:
            scores = scores + state["copula/slope"][label] * _score(state["copula/cdf"][label, -1], target[:, 0])[:, None]
        uniform = 0.5 * (1 + torch.erf(scores / math.sqrt(2)))
        z = torch.stack([_inverse(state["copula/cdf"][label, j], uniform[:, j]) for j in range(schema.width)], dim=1)
        return Representation(z, patterns.drawn(schema, state, condition, rng), condition, torch.arange(n), schema)


def _correlated(normal: Tensor, factor: Tensor, label: Tensor) -> Tensor:
    """Rows [n, d] by their class's factor [K, d, d]: a class at a time, as a factor for each row is n d^2 numbers."""
    scores = torch.empty_like(normal)
    for at, own in enumerate(factor):
        mine = label == at
        scores[mine] = normal[mine] @ own.T
    return scores


def edges() -> Tensor:
    """[BINS + 1]: fine around 0, coarse far out, the same for every vector."""
    reach = math.asinh(EDGE * 20)
    return torch.sinh(torch.linspace(-reach, reach, BINS + 1, dtype=torch.float64)) / 20


def _width(space: Space) -> int:
    """Values of the copula: those of the vectors, and the number that the label stands for."""
    return space.width + bool(space.condition[0].stands_for)


def _values(rows: Representation) -> tuple[Tensor, Tensor]:
    """(values [n, d] of the copula, which of them are there [n, d])."""
    held, target = presence(rows.space, rows.present), conditions.target(rows.space, rows.condition)
    if target is None:
        return rows.z, held
    return torch.cat([rows.z, target.to(rows.z.dtype)], dim=1), torch.cat([held, torch.ones_like(held[:, :1])], dim=1)


def _by_class(rows: Representation, k: int) -> Tensor:
    """[n, k (d + 1)]: (1, values) in the columns of the row's class."""
    values, held = _values(rows)
    z = (values * held).double()
    row = torch.cat([torch.ones(len(z), 1, dtype=torch.float64), z], dim=1)
    label = torch.nn.functional.one_hot(rows.condition[:, 0].long(), k).double()
    return (label[:, :, None] * row[:, None, :]).reshape(len(z), -1)


def _histogram(rows: Representation, k: int) -> Tensor:
    """[n, k d BINS] one-hot bins of every value that is there, in the row's class."""
    values, held = _values(rows)
    n, d = values.shape
    at = (torch.bucketize(values.double(), edges()) - 1).clamp(0, BINS - 1)
    cell = (rows.condition[:, 0].long()[:, None] * d + torch.arange(d)) * BINS + at
    return torch.zeros(n, k * d * BINS).scatter_(1, cell, held)


def _histogram_and_pattern(rows: Representation, k: int) -> Tensor:
    return torch.cat([_histogram(rows, k), patterns.bins(rows)], dim=1)


def _sizes(told: Tensor, patients: float) -> Tensor:
    """[k] patients of each class of noised bins [k, d, BINS], at least one, together about as many as there are."""
    return torch.from_numpy(on_simplex(told.sum(2).mean(1).numpy(), patients)).clamp(min=1.0)


def _noise(variance: Tensor, sizes: Tensor, means: Tensor, c: int, shrink: float) -> Tensor:
    """[d, d] variance of the noise in a class's shrunk covariance: of its products, of those of its means, and of the pooled one's share."""
    by_mean = 1 + means[c].square()
    own = variance * by_mean[:, None] * by_mean + (variance / sizes[c]).square() * bool(means[c].any())
    pooled = variance * len(sizes) / sizes.sum().square()
    return (own + shrink**2 * pooled) / (sizes[c] + shrink).square()


def _denoised(told: Tensor, variance: Tensor) -> Tensor:
    """[k, d, BINS] counts >= 0 of noised ones: towards the normal distribution by what noise explains, and no bin below 0.

    A column's total is what its bins add up to; one that is not above 0 counts as one patient. Far out, where encoders put nobody, a bin
    is believed if noise alone would not fill it.
    """
    grid = edges()
    normal, far = torch.special.ndtr(grid).diff(), torch.minimum(grid[1:].abs(), grid[:-1].abs()) > FAR
    found = torch.empty_like(told)
    for at in np.ndindex(*told.shape[:2]):
        total = told[at].sum().clamp(min=1.0)
        off = told[at] - total * normal
        off = torch.where(far & (off < CERTAIN * variance.sqrt()), 0.0, off)
        kept = (1 - LUCK * variance * BINS / off.square().sum().clamp(min=1e-12)).clamp(min=0.0)
        left = total * normal + kept * off
        found[at] = torch.from_numpy(on_simplex(left.numpy(), max(float(left.sum()), 1.0)))
    return found


def _given_last(factor: Tensor) -> tuple[Tensor, Tensor]:
    """(slope [d], factor [d, d]) of the normal scores of all values but the last, given the last; factor F: F F^T their covariance."""
    covariance = factor @ factor.T
    slope = covariance[:-1, -1] / covariance[-1, -1]
    return slope, root(covariance[:-1, :-1] - slope[:, None] * covariance[-1, :-1])


def _score(cdf: Tensor, value: Tensor) -> Tensor:
    """Normal scores [n] of values [n] under the row's own cdf [n, BINS + 1], linear within a bin."""
    grid = edges().float()
    at = (torch.bucketize(value.contiguous(), grid) - 1).clamp(0, BINS - 1)
    low, high = cdf.gather(1, at[:, None])[:, 0], cdf.gather(1, at[:, None] + 1)[:, 0]
    uniform = low + (high - low) * (value - grid[at]) / (grid[at + 1] - grid[at])
    found: Tensor = torch.special.ndtri(uniform.double().clamp(1e-4, 1 - 1e-4)).float()
    return found


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
