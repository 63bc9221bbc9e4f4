"""Margins of a table: each column's distribution by itself, from one charged count, and records made up of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from fpmg_plugins.encoders import numbers
from fpmg_plugins.encoders.quantiles import Grid, standardise

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import Rng, State
    from fpmg_plugins.encoders.table.tabular import Layout


RAREST = 0.5  # numbers that are mostly missing are drawn as often as this, or nobody would learn their values


def bins(layout: Layout, grid: Grid, places: NDArray[np.float64], codes: NDArray[np.int64]) -> Tensor:
    """One bin a column: numbers' bins on the grid, numbers' gaps, levels. [n, sum(bins) + k + sum(sizes)] float32."""
    levels = [F.one_hot(torch.as_tensor(codes[:, j]), size).float() for j, size in enumerate(layout.sizes)]
    there = grid.histogram(places) if layout.numbers else torch.zeros(len(places), 0)
    return torch.cat([there, torch.as_tensor(np.isnan(places)).float(), *levels], dim=1)


def frozen(layout: Layout, counts: Tensor) -> State:
    """distribution: of the numbers (see `Grid`), gaps [k]: share missing, levels [sum(sizes)]: share of each level."""
    k, coded = len(layout.numbers), sum(layout.sizes)
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
    }


def drawn(layout: Layout, state: State, n: int, rng: Rng) -> dict[str, Tensor]:
    """What the network would see of n records whose columns are drawn one by one from their margins."""
    k = len(layout.numbers)
    ranks = torch.rand(n, k, generator=rng, dtype=torch.float64).numpy()
    places = np.empty((n, k))
    functions = Grid.of(layout.numbers, state["frozen/distribution"]).functions(state["frozen/distribution"]) if k else []
    for j, (edge, known) in enumerate(functions):
        values = numbers.value(layout.numbers[j], np.interp(ranks[:, j], known, edge))
        places[:, j] = numbers.fraction(layout.numbers[j], values)
    seen = torch.rand(n, k, generator=rng, dtype=torch.float64) >= state["frozen/gaps"].clamp(max=RAREST)
    scores = torch.as_tensor(standardise(layout.numbers, state["frozen/distribution"], places) if k else places).float()
    parts = torch.split(state["frozen/levels"], layout.sizes) if layout.sizes else ()
    codes = [torch.multinomial(part, n, replacement=True, generator=rng) for part in parts]
    return {
        "scores": scores * seen,
        "seen": seen.float(),
        "codes": torch.stack(codes, dim=1) if codes else torch.zeros(n, 0, dtype=torch.int64),
    }
