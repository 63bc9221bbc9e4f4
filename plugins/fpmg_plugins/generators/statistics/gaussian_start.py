"""What one exchange of statistics tells about the vectors: class shares, class means, the covariance within classes.

The GANs start from this Gaussian instead of from noise; the copula baseline is little more than it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fpmg_plugins.generators import conditions, patterns
from fpmg_plugins.generators.columns import columns, owner, presence
from fpmg_plugins.generators.statistics import private_start

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Representation, SiloContext, Space, State

CLIP = 16.0  # L2 bound of a row of vectors; plain runs do not clip
RIDGE = 1e-3  # added to the variances of conditions, which are scaled to [-1, 1]: a constant one gets no say


def joint(rows: Representation) -> Tensor:
    """[n, K + K m + rest + d]: label one-hot, label and mask of each modality, other conditions, vectors (absent modalities 0)."""
    k = conditions.classes(rows.space)
    given = conditions.features(rows.space, rows.condition)
    held = (given[:, :k, None] * rows.present[:, None, :].float()).flatten(1)
    masked = rows.z * presence(rows.space, rows.present)
    return torch.cat([given[:, :k], held, given[:, k:], masked], dim=1)


def shares(rows: Representation) -> Tensor:
    """[n, K + m + K 2^m]: label one-hot, modality masks, both as patterns, for `Shard.counts`."""
    label = torch.nn.functional.one_hot(rows.condition[:, 0].long(), conditions.classes(rows.space)).float()
    return torch.cat([label, rows.present.float(), patterns.bins(rows)], dim=1)


def statistics(space: Space, shard: Shard, ctx: SiloContext) -> State:
    """Sums of one silo: exact, or under privacy noised ones from one access."""
    patients = float(shard.patients)
    n: State = {"start/n": torch.tensor([patients], dtype=torch.float64)}
    if shard.private:
        noised = private_start.statistics(space, shard)
        spread = noised["start/noise"] / private_start.COUNTED**2
        margins = {"start/counts": private_start.counts(space, noised["start/private"])}
        margins[patterns.VARIANCE] = spread.expand(len(space.blocks)).clone()
        return n | noised | margins | patterns.told(space, patients, ctx.lacks, None)
    found = shard.moments(joint, CLIP)
    counted = shard.counts(shares, clip=(2.0 + len(space.blocks)) ** 0.5)
    counts, joined = counted.tensor_split([conditions.classes(space) + len(space.blocks)])
    told = patterns.told(space, patients, ctx.lacks, joined)
    return n | told | {"start/counts": counts, "start/second": found.n * found.second}


@dataclass(frozen=True, slots=True)
class Start:
    """shares [K], presence [m], mean [K, rest + d] and factor F [rest + d, rest + d] with F F^T the covariance within classes.

    patterns: of modalities, as generators keep them. untold: columns of `conditions.features` of whom the means say nothing, so that
    a network has to learn what they do; the covariance is then theirs too.
    """

    shares: Tensor
    presence: Tensor
    mean: Tensor
    factor: Tensor
    patterns: State
    untold: Sequence[int] = ()

    @classmethod
    def of(cls, space: Space, stats: State) -> Start:
        """From sums over silos."""
        k, rest = conditions.classes(space), conditions.width(space) - conditions.classes(space)
        n = float(stats["start/n"])
        counted = stats["start/counts"].clamp(min=0)
        shared = (counted[:k] / counted[:k].sum().clamp(min=1e-9)).clamp(min=1e-3)
        present = (counted[k:] / max(n, 1.0)).clamp(0.0, 1.0)
        having = patterns.prior(space, n, stats["start/counts"][k:], stats)
        if "start/second" in stats:
            return cls(shared, present, *_gaussian(stats["start/second"] / n, k, space, rest), having)
        had = torch.cat([torch.ones(rest, dtype=torch.float64), present[owner(space)]])
        return cls(shared, present, *private_start.gaussian(space, stats, had), having)

    def prior(self, space: Space) -> State:
        """What generators keep of it: shares, presence, mean and spread of the other conditions, the Gaussian of the vectors."""
        rest = self.mean.shape[1] - space.width
        spread = (self.factor @ self.factor.T).diagonal()[:rest].clamp(min=0).sqrt()
        known = {"shares": self.shares, "presence": self.presence, "rest": self.mean[:, :rest], "spread": spread}
        given, factor = self.block(space, list(space.blocks))
        moments = {"prior/given": given, "prior/factor": factor}
        return {f"prior/{name}": value.float() for name, value in known.items()} | moments | self.patterns

    def given(self, space: Space) -> tuple[Tensor, Tensor]:
        """Weights [K + rest, d] and covariance [d, d] of the vectors given all conditions: z ~ N(features(condition) weights, .).

        Conditions beside the label enter by regression within classes; unknown ones are 0, as in the sums.
        """
        rest = self.mean.shape[1] - space.width
        factor = self.factor.double()
        whole = factor @ factor.T
        slope = torch.linalg.solve(whole[:rest, :rest] + RIDGE * torch.eye(rest, dtype=whole.dtype), whole[:rest, rest:])
        own = len(self.mean)
        slope[[at - own for at in self.untold]] = 0.0
        mean = self.mean[:, rest:].double() - self.mean[:, :rest].double() @ slope
        explained = whole[rest:, :rest] @ slope
        if self.untold:  # no longer the regression, which leaves both of its terms as one
            explained = explained + explained.T - slope.T @ whole[:rest, :rest] @ slope
        return torch.cat([mean, slope]).float(), whole[rest:, rest:] - explained

    def block(self, space: Space, modalities: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Weights [K + rest, d'] and factor [d', d'] of some modalities' columns alone."""
        weights, covariance = self.given(space)
        at = columns(space, modalities)
        return weights[:, at], root(covariance[at][:, at]).float()


def _gaussian(second: Tensor, k: int, space: Space, rest: int) -> tuple[Tensor, Tensor]:
    """Class means and a root of the covariance within classes, each entry over the records that have what it is about.

    second: of `joint`'s rows. Pairs of modalities that no record has together count as independent.
    """
    m = len(space.blocks)
    every = torch.cat([second[:k, :k].diagonal()[:, None], second[k : k + k * m, k : k + k * m].diagonal().reshape(k, m)], dim=1)
    about = torch.cat([torch.zeros(rest, dtype=torch.long), owner(space) + 1])  # column -> 0 (conditions) or its modality
    at = torch.arange(k + k * m, len(second))
    rows = torch.cat(
        [second[:k, None, :][:, :, at], second[k : k + k * m][:, at].reshape(k, m, -1)], dim=1
    )  # [k, 1 + m, columns]
    means = rows[:, about, torch.arange(len(at))] / every[:, about].clamp(min=1e-9)
    both = _together(second, k, m)[:, about][
        :, :, about
    ]  # [k, columns, columns]: share of records with that label that have both
    shared = both.sum(0)
    expected = torch.einsum("kij,ki,kj->ij", both, means, means)
    within = (second[at][:, at] - expected) / shared.clamp(min=1e-9)
    return means.float(), root(torch.where(shared > 1e-9, within, 0.0)).float()


def _together(second: Tensor, k: int, m: int) -> Tensor:
    """[K, 1 + m, 1 + m]: share of records of a class that have both modalities; index 0: every record has its conditions."""
    found = torch.empty(k, 1 + m, 1 + m, dtype=second.dtype)
    for c in range(k):
        own = torch.tensor([c, *range(k + c * m, k + (c + 1) * m)])
        found[c] = second[own][:, own]
    return found


def root(covariance: Tensor) -> Tensor:
    """Symmetric root of a covariance, negative eigenvalues (rounding, noise) cut at a small positive share of the largest."""
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    values = values.clamp(min=float(values.max().clamp(min=1e-12)) * 1e-6)
    found: Tensor = (vectors * values.sqrt()) @ vectors.T
    return found
