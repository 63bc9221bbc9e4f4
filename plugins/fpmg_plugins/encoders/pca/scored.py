"""Tables between components and records: numbers as normal scores, and levels, gaps and what the components leave out at their own rates.

Decoded numbers of a linear map are averages: heaps melt, rare levels vanish, and every component that is left out takes spread with it.
Here a number is a normal score under its exchanged distribution, so that its scale has no say and a heap comes back as one; what the vector
does not say is filled in as the exchanged covariance has it, from numbers that are a function of the vector; levels and gaps are decided at
thresholds that a Gaussian of that covariance crosses as often as patients do. All three are post-processing of exchanged sums
(docs/decisions/101-tables-keep-their-columns.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fpmg_plugins import correlations
from fpmg_plugins.encoders import dither, quantiles
from fpmg_plugins.encoders.pca import spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Schema, State, Table
    from fpmg_plugins.encoders.pca.views import TableView

LEAST = (
    0.25  # standard deviation to which a component is scaled up at most: of scores, small ones are larger than linear numbers say
)
RARE = 0.01  # levels less frequent than this are scaled as if they were this frequent
SURE = 2.0  # standard deviations of noise by which a column must fall short of everybody to be one that patients lack
DRAWS, TURNS, STEP = 4096, 200, 0.1  # of the search for the levels' thresholds
INSIDE = 0.49  # thresholds stay between a level that is there (1) and one that is not (0): what is known comes back
NEVER = 9.0  # beyond what any vector says


def counts(view: TableView, shard: Shard) -> State:
    """Histograms of the numbers over public bins, summed over patients."""
    layout = view.layout
    if not view.k:
        return {}
    grid = quantiles.Grid(layout.numbers, fine=not shard.private)
    return {"counts/bins": shard.counts(lambda table: grid.histogram(layout.places(table.frame)), float(np.sqrt(view.k)))}


def components(view: TableView, mean: Tensor, second: Tensor, stats: State, dim: int) -> State:
    """The state. mean [d], second [d, d] of the view's rows; stats: "counts/bins", and "moments/noise", variances in sums over "moments/n".

    The covariance is that of linear numbers, so that one exchange is enough: beside components it decides about what they leave out.
    """
    k, columns = view.k, view.layout.numbers
    noise = stats.get("moments/noise", torch.zeros(2, dtype=torch.float64)) / stats["moments/n"].clamp(min=1.0).square()
    counted = stats.get("counts/bins", torch.zeros(0, dtype=torch.float64))
    distribution = quantiles.Grid.counted(columns, len(counted)).distribution(counted) if k else counted
    seen = mean[k : 2 * k].clamp(0.0, 1.0)
    seen = torch.where(seen + SURE * noise[0].sqrt() >= 1.0, 1.0, seen)
    shares = _shares(view, mean[2 * k :])
    unit = torch.cat([_units(view, mean, second, distribution, noise), torch.full((k,), view.gaps, dtype=mean.dtype)])
    unit = torch.cat([unit, shares.clamp(min=RARE).rsqrt()])
    average = (mean[:k] / mean[k : 2 * k].clamp(min=1e-9)).clamp(0, 1)
    features = torch.diag(unit)
    features[torch.arange(k), k + torch.arange(k)] = -unit[:k] * average
    covariance = _covariance(features, mean, second, torch.cat([seen, unit[k:].square() * _spread(seen, shares)]), noise[1])
    size, basis = spectrum.principal(covariance, dim)
    scale = torch.cat([torch.ones(k, dtype=mean.dtype), unit[k:]])
    centre = scale * torch.cat([torch.zeros(k, dtype=mean.dtype), seen, shares])
    unit_of = torch.where(size > 0, size.clamp(min=LEAST), 0.0)
    inverse = basis * torch.where(size > 0, 1 / unit_of.clamp(min=LEAST), 0.0)
    return {
        "frozen/project": scale[:, None] * inverse,
        "frozen/offset": centre @ inverse,
        "frozen/centre": centre,
        "frozen/lift": (basis * unit_of).T.contiguous(),
        "frozen/rest": spectrum.left(covariance, basis, size),
        "frozen/scale": scale,
        "frozen/distribution": distribution,
        "frozen/there": _cuts(seen),
        "frozen/levels": _level_offsets(view, shares, covariance / scale[:, None] / scale),
    }


def rows(view: TableView, state: State, data: Table) -> NDArray[np.float64]:
    """[n, 2 k + sum(blocks)]: scores (0 where missing), masks, one-hot levels."""
    found = view.rows(data)
    if view.k:
        places = np.where(found[:, view.k : 2 * view.k] > 0, found[:, : view.k], np.nan)
        found[:, : view.k] = quantiles.standardise(view.layout.numbers, state["frozen/distribution"], places)
    return found


def records(view: TableView, schema: Schema, state: State, z: Tensor) -> Table:
    """The table of vectors z [n, dim]."""
    k, layout = view.k, view.layout
    filled = dither.normal(z, len(state["frozen/rest"])) @ state["frozen/rest"]
    raw = (state["frozen/centre"] + z.double() @ state["frozen/lift"] + filled) / state["frozen/scale"]
    values = np.zeros((len(z), 0))
    if k:
        values = quantiles.restore(layout.numbers, state["frozen/distribution"], raw[:, :k].numpy())
        values[(raw[:, k : 2 * k] <= state["frozen/there"]).numpy()] = np.nan
    told = torch.split(raw[:, 2 * k :] + state["frozen/levels"], list(view.blocks), dim=1) if view.blocks else ()
    codes = [part.argmax(1).numpy() for part in told]
    return layout.table(schema, values, np.stack(codes, axis=1) if codes else np.zeros((len(z), 0), dtype=np.int64))


def _shares(view: TableView, told: Tensor) -> Tensor:
    """[sum(blocks)] shares of levels; noised ones are brought back to >= 0 and a sum of 1."""
    parts = [torch.from_numpy(quantiles.on_simplex(part.numpy(), 1.0)) for part in torch.split(told, list(view.blocks))]
    return torch.cat(parts) if view.blocks else told


def _units(view: TableView, mean: Tensor, second: Tensor, distribution: Tensor, noise: Tensor) -> Tensor:
    """[k] one over the standard deviation of each number where seen, from its counts where the moments are noised."""
    k, columns = view.k, view.layout.numbers
    there = mean[k : 2 * k].clamp(min=1e-9)
    variance = second.diagonal()[:k] / there - (mean[:k] / there).square()
    if noise.any() and k:
        functions = quantiles.Grid.of(columns, distribution).functions(distribution)
        variance = torch.tensor([_variance(edge, ranks) for edge, ranks in functions], dtype=mean.dtype)
    return torch.where(variance > 1e-12, variance.clamp(min=1e-12).rsqrt(), 1.0)


def _variance(edge: NDArray[np.float64], ranks: NDArray[np.float64]) -> float:
    share, middle = np.diff(ranks), (edge[1:] + edge[:-1]) / 2
    return float(share @ np.square(middle - share @ middle))


def _spread(seen: Tensor, shares: Tensor) -> Tensor:
    both = torch.cat([seen, shares])
    return both * (1 - both)


def _covariance(features: Tensor, mean: Tensor, second: Tensor, variance: Tensor, noise: Tensor) -> Tensor:
    """[d, d] of the features; of noised moments a covariance with the variances [d] that the means imply."""
    centre = features @ mean
    found = features @ second @ features.T - centre[:, None] * centre
    if not noise:
        return (found + found.T) / 2
    weight = features.square().sum(1)
    least = variance.clamp(min=1e-6)
    scale = least.sqrt()
    return correlations.known((found + found.T) / 2, least, noise * weight[:, None] * weight) * scale[:, None] * scale


def _cuts(seen: Tensor) -> Tensor:
    """[k] where a Gaussian mask of mean p and variance p (1 - p) is above as often as p; all or nobody has the others."""
    p = seen.clamp(1e-9, 1 - 1e-9)
    cut = (p - torch.special.ndtri(p) * (p * (1 - p)).sqrt()).clamp(0.5 - INSIDE, 0.5 + INSIDE)
    return torch.where(seen >= 1, -NEVER, torch.where(seen <= 0, NEVER, cut))


def _level_offsets(view: TableView, shares: Tensor, covariance: Tensor) -> Tensor:
    """[sum(blocks)] what is added to each level before the largest is taken, so that Gaussian rows take each as often as patients have it."""
    rng, at, found = torch.Generator().manual_seed(0), 2 * view.k, []
    for share in torch.split(shares, list(view.blocks)) if view.blocks else ():
        here = slice(at, at + len(share))
        values, vectors = torch.linalg.eigh(covariance[here, here])
        draws = torch.randn(DRAWS, len(share), generator=rng, dtype=torch.float64)
        found.append(_offsets(share, share + draws @ (vectors * values.clamp(min=0).sqrt()).T))
        at = here.stop
    return torch.cat(found) if found else shares


def _offsets(share: Tensor, drawn: Tensor) -> Tensor:
    live = share > 0
    offset = torch.where(live, 0.0, -NEVER).to(share)
    for _ in range(TURNS if int(live.sum()) > 1 else 0):
        taken = torch.bincount((drawn + offset).argmax(1), minlength=len(share)) / len(drawn)
        offset = torch.where(live, offset + STEP * (share - taken), offset)
        offset = torch.where(live, (offset - offset[live].mean()).clamp(-INSIDE, INSIDE), offset)
    return offset
