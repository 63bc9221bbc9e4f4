"""Margins of a table: each column's distribution by itself, from one charged count, and records made up of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from fpmg_plugins.encoders import numbers
from fpmg_plugins.encoders.quantiles import Grid, standardise
from fpmg_plugins.encoders.table import together

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import Rng, State
    from fpmg_plugins.encoders.table.tabular import Layout


RARE = 1e-3  # shares below this are not told apart
RAREST = 0.5  # numbers that are mostly missing are drawn as often as this, or nobody would learn their values


TOGETHER = 0.9  # share of either's gaps that two numbers have in common from which they are measured together


def bins(layout: Layout, grid: Grid, places: NDArray[np.float64], codes: NDArray[np.int64], apart: bool = True) -> Tensor:
    """One bin a column: numbers' bins on the grid, numbers' gaps, levels [n, sum(bins) + k + sum(sizes)] float32.

    On a fine grid, whose counts are exact, also one a pair of numbers: are both missing? And, with `apart`, one a pair of columns with
    levels. Beside noise they would cost the others.
    """
    levels = [F.one_hot(torch.as_tensor(codes[:, j]), size).float() for j, size in enumerate(layout.sizes)]
    there = grid.histogram(places) if layout.numbers else torch.zeros(len(places), 0)
    gaps = torch.as_tensor(np.isnan(places)).float()
    first, second = _pairs(layout)
    both = [gaps[:, first] * gaps[:, second]] if grid.fine else []
    if grid.fine and apart:
        both.append(together.bins(torch.as_tensor(codes), layout.sizes))
    return torch.cat([there, gaps, *levels, *both], dim=1)


def _pairs(layout: Layout) -> Tensor:
    k = len(layout.numbers)
    return torch.triu_indices(k, k, offset=1)


def frozen(layout: Layout, counts: Tensor) -> State:
    """distribution: of the numbers (see `Grid`), gaps [k]: share missing, levels [sum(sizes)]: share of each level.

    together [k]: the first of the numbers that each is measured with, where the pairs were counted: itself, if with none;
    never [sum(sizes), sum(sizes)]: levels that nobody has together.
    """
    k, coded, pairs = len(layout.numbers), sum(layout.sizes), _pairs(layout).shape[1]
    crossed = together.pairs(layout.sizes).shape[1]
    fine = Grid(layout.numbers, fine=True)
    exact = sum(fine.bins) + k + coded + pairs
    crossed = crossed if len(counts) == exact + crossed else 0
    pairs = pairs if len(counts) == exact + crossed else 0
    counts, both, beside = torch.split(counts, [len(counts) - pairs - crossed, pairs, crossed])
    cells = len(counts) - k - coded
    grid = Grid.counted(layout.numbers, cells)
    there, missing, levels = torch.split(counts.double().clamp(min=0.0), [cells, k, coded])
    seen = torch.stack([part.sum() for part in torch.split(there, grid.bins)]) if k else missing
    shares = [
        part / part.sum() if part.sum() > 0 else torch.full_like(part, 1 / len(part))
        for part in torch.split(levels, layout.sizes)
    ]
    return {
        "frozen/distribution": grid.distribution(counts[:cells]) if k else torch.zeros(0, dtype=torch.float64),
        "frozen/gaps": missing / (missing + seen).clamp(min=1e-9),
        "frozen/levels": torch.cat(shares) if shares else levels,
        "frozen/together": _together(layout, missing, both),
        "frozen/never": together.never(beside, layout.sizes),
    }


def _together(layout: Layout, missing: Tensor, both: Tensor) -> Tensor:
    group = torch.arange(len(missing))
    for (i, j), common in zip(_pairs(layout).T.tolist(), both.tolist(), strict=False):
        if common > 0 and common >= TOGETHER * float(missing[[i, j]].max()):
            group[j] = torch.minimum(group[i], group[j])
    return group


def lacked_by_none(layout: Layout, state: State) -> Tensor:
    """Which levels [sum(sizes)] mean that a cell is missing which nobody lacks."""
    last = torch.zeros(sum(layout.sizes), dtype=torch.bool)
    last[torch.tensor(layout.sizes, dtype=torch.int64).cumsum(0) - 1] = True
    return last & (state["frozen/levels"] == 0)


def usual(layout: Layout, state: State) -> Tensor:
    """What the network says of a record it knows nothing about [2 k + sum(sizes)]: scores of 0, log odds of values, log shares of levels."""
    k = len(layout.numbers)
    odds = torch.logit((1 - state["frozen/gaps"]).clamp(RARE, 1 - RARE))
    return torch.cat([torch.zeros(k), odds, state["frozen/levels"].clamp(min=RARE).log()]).float()


def drawn(layout: Layout, state: State, n: int, rng: Rng) -> dict[str, Tensor]:
    """What the network would see of n records whose columns are drawn one by one from their margins."""
    k = len(layout.numbers)
    ranks = torch.rand(n, k, generator=rng, dtype=torch.float64).numpy()
    places = np.empty((n, k))
    functions = Grid.of(layout.numbers, state["frozen/distribution"]).functions(state["frozen/distribution"]) if k else []
    for j, (edge, known) in enumerate(functions):
        values = numbers.value(layout.numbers[j], np.interp(ranks[:, j], known, edge))
        places[:, j] = numbers.fraction(layout.numbers[j], values)
    luck = torch.rand(n, k, generator=rng, dtype=torch.float64)[:, state["frozen/together"]]
    seen = luck >= state["frozen/gaps"].clamp(max=RAREST)
    scores = torch.as_tensor(standardise(layout.numbers, state["frozen/distribution"], places) if k else places).float()
    parts = torch.split(state["frozen/levels"], layout.sizes) if layout.sizes else ()
    codes = [torch.multinomial(part, n, replacement=True, generator=rng) for part in parts]
    return {
        "scores": scores * seen,
        "seen": seen.float(),
        "codes": torch.stack(codes, dim=1) if codes else torch.zeros(n, 0, dtype=torch.int64),
    }
