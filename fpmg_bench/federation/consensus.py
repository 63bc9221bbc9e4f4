"""FC per round: how far the silos' weights are from the mean that mixing keeps (FEDERATION.md, Kong et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.federation.layout import Bundle, Layout

BLOCK = 1 << 13  # coordinates a pass, so that float64 copies stay in the cache


def distances(layout: Layout, models: Mapping[int, Bundle], pi: Mapping[int, float]) -> dict[str, tuple[float, float]]:
    """module -> (Xi^2, |xbar|^2): Xi^2 = mean_i |x_i - xbar|^2, xbar = sum_i pi_i x_i; float64."""
    silos = sorted(models)
    shared = all(models[silo] is models[silos[0]] for silo in silos)
    result = {}
    for module, pieces in layout.modules().items():
        parts = [_piece([models[s][dtype][a:b] for s in silos], [pi[s] for s in silos], shared) for dtype, a, b in pieces]
        result[module] = (sum(p[0] for p in parts), sum(p[1] for p in parts))
    return result


def _piece(vectors: Sequence[Tensor], pi: Sequence[float], shared: bool) -> tuple[float, float]:
    import torch

    weights = torch.tensor(pi, dtype=torch.float64)
    spread = norm = 0.0
    for start in range(0, vectors[0].numel(), BLOCK):
        cut = slice(start, start + BLOCK)
        if shared:
            norm += _square(vectors[0][cut].double())
            continue
        rows = torch.stack([v[cut] for v in vectors]).double()
        mean = weights @ rows
        norm += _square(mean)
        spread += _square(rows.sub_(mean)) / len(vectors)
    return spread, norm


def _square(x: Tensor) -> float:
    """Squared norm, in one pass and without a temporary."""
    import torch

    flat = x.view(-1)
    return float(torch.dot(flat, flat))


def record(before: Mapping[str, tuple[float, float]], after: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """One round's consistency: per module and over all modules (`before`, `after` in weight units, `relative`, `variance_ratio`)."""
    modules = {module: _summary(before[module], after[module]) for module in before}
    total = _summary(_total(before), _total(after))
    return {"modules": modules, **total}


def _total(parts: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    return sum(p[0] for p in parts.values()), sum(p[1] for p in parts.values())


def _summary(before: tuple[float, float], after: tuple[float, float]) -> dict[str, float | None]:
    return {
        "before": math.sqrt(before[0]),
        "after": math.sqrt(after[0]),
        "relative": math.sqrt(after[0] / after[1]) if after[1] > 0 else None,
        "variance_ratio": 1.0 - after[0] / before[0] if before[0] > 0 else None,
    }
