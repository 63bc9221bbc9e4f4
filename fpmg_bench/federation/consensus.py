"""FC per round: how far the silos' weights are from the mean that mixing keeps (FEDERATION.md, Kong et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.federation.layout import Bundle, Layout

BLOCK = 1 << 18  # numbers a pass, of all silos together, so that float64 copies stay in the cache


@dataclass(frozen=True, slots=True)
class Spread:
    """silo -> |x_i - xbar|^2, and |xbar|^2, of one module or of several together."""

    squares: Mapping[int, float]
    norm: float

    @property
    def variance(self) -> float:
        """Xi^2 = mean_i |x_i - xbar|^2."""
        return sum(self.squares.values()) / len(self.squares) if self.squares else 0.0


def distances(layout: Layout, models: Mapping[int, Bundle], pi: Mapping[int, float]) -> dict[str, Spread]:
    """module -> how far each silo is from xbar = sum_i pi_i x_i; float64."""
    silos = sorted(models)
    shared = all(_same(vector, models[silos[0]][dtype]) for silo in silos for dtype, vector in models[silo].items())
    result = {}
    for module, pieces in layout.modules().items():
        parts = [_piece([models[s][dtype][a:b] for s in silos], [pi[s] for s in silos], shared) for dtype, a, b in pieces]
        squares = [sum(part[0][i] for part in parts) for i in range(len(silos))]
        result[module] = Spread(dict(zip(silos, squares, strict=True)), sum(part[1] for part in parts))
    return result


def _piece(vectors: Sequence[Tensor], pi: Sequence[float], shared: bool) -> tuple[list[float], float]:
    import torch

    weights, norm = torch.tensor(pi, dtype=torch.float64), 0.0
    squares = torch.zeros(len(vectors), dtype=torch.float64)
    width = BLOCK // len(vectors)
    for start in range(0, vectors[0].numel(), width):
        cut = slice(start, start + width)
        if shared:
            norm += _square(vectors[0][cut].double())
            continue
        rows = torch.stack([v[cut] for v in vectors]).double()
        mean = weights @ rows
        norm += _square(mean)
        squares += torch.linalg.vector_norm(rows.sub_(mean), dim=1).square_()
    return squares.tolist(), norm


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether their distance is 0, whatever rounding would make of it."""
    import torch

    return a is b or torch.equal(a, b)


def _square(x: Tensor) -> float:
    """Squared norm, in one pass and without a temporary."""
    import torch

    return float(torch.dot(x, x))


def record(before: Mapping[str, Spread], after: Mapping[str, Spread], moduli: Mapping[str, float]) -> dict[str, Any]:
    """One round's consistency over all modules and for each (`before`, `after`, `norm` in weight units, `relative`, `variance_ratio`).

    moduli: module -> second modulus of its mixing, its `theory`. silos: silo -> its own distance from the mean after merging,
    relative to the mean of the modules that it holds; None where that is 0.
    """
    modules = {m: _summary(before[m], after[m]) | {"theory": moduli.get(m)} for m in before}
    silos = sorted({silo for spread in after.values() for silo in spread.squares})
    apart = {str(silo): _relative(*_held(after.values(), silo)) for silo in silos}
    return {"modules": modules, **_summary(_total(before.values()), _total(after.values())), "silos": apart}


def _held(modules: Iterable[Spread], silo: int) -> tuple[float, float]:
    held = [spread for spread in modules if silo in spread.squares]
    return sum(spread.squares[silo] for spread in held), sum(spread.norm for spread in held)


def _total(parts: Iterable[Spread]) -> Spread:
    """Of modules that different silos hold: their variances add up."""
    parts = list(parts)
    return Spread({0: sum(part.variance for part in parts)}, sum(part.norm for part in parts))


def _summary(before: Spread, after: Spread) -> dict[str, float | None]:
    return {
        "before": math.sqrt(before.variance),
        "after": math.sqrt(after.variance),
        "norm": math.sqrt(after.norm),
        "relative": _relative(after.variance, after.norm),
        "variance_ratio": 1.0 - after.variance / before.variance if before.variance > 0 else None,
    }


def _relative(square: float, norm: float) -> float | None:
    return math.sqrt(square / norm) if norm > 0 else None
