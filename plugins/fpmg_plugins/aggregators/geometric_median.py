"""The geometric median by smoothed Weiszfeld iterations (RFA: Pillutla, Kakade and Harchaoui, 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Gt

from fpmg_plugins.aggregators.span import combine, distances_from, half_way, squared_distances

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


def weiszfeld(distances: Tensor, weights: Tensor, smoothing: float = 1e-6, iterations: int = 200) -> Tensor:
    """Shares [m] whose weighted mean minimises sum_i weights_i |x_i - z|, from squared distances [m, m]; float64.

    Distances below `smoothing` times the scale (the closest company of half of the models) count as that much. Converged, or
    stopped after `iterations` of m x m arithmetic. A model that is not finite gets 0.
    """
    import torch

    floor = max(smoothing * float(half_way(distances).min()) ** 0.5, 1e-150)
    weights = weights * distances.median(1).values.isfinite()
    shares = weights / weights.sum()
    for _ in range(iterations):
        pulled = weights / distances_from(distances, shares).clamp(min=floor)
        before, shares = shares, pulled / pulled.sum()
        if torch.allclose(before, shares, rtol=0, atol=1e-12):
            break
    return shares


@dataclass(frozen=True)
class GeometricMedian:
    """The point of least weighted distance to all models. Breaks down at malicious weight 1/2: patients are believed.

    smoothing: distances below this share of the models' scale count as that much. The paper spends one message round an
    iteration and stops after about 3; in the span of the models an iteration costs m x m, so they go on until nothing moves.
    """

    smoothing: Annotated[float, Gt(0)] = 1e-6
    iterations: Annotated[int, Ge(1)] = 200

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The geometric median [d] of inputs [m, d]."""
        shares = weiszfeld(squared_distances(inputs, reference), weights.double(), self.smoothing, self.iterations)
        return combine(inputs, shares, reference)
