"""Centered clipping (Karimireddy, He and Jaggi, 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Gt

from fpmg_plugins.aggregators.span import combine, gram

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


@dataclass(frozen=True)
class CenteredClipping:
    """z <- z + sum_i w_i (u_i - z) min(1, tau / |u_i - z|) over the updates u_i = x_i - reference, from the last round's z.

    tau None: at every iteration `widen` times the median distance |u_i - z|, which follows the scale of the updates and cannot
    be moved by fewer than half of the models. Theory asks for a share of liars below about 0.1.
    """

    tau: Annotated[float, Gt(0)] | None = None
    widen: Annotated[float, Gt(0)] = 2.0
    iterations: Annotated[int, Ge(1)] = 3

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The merged model [d]; memory["center"] is z of the last round, zero at first."""
        center = [memory["center"]] if "center" in memory else []
        products = gram(inputs, reference, center)
        coefficients = self._coefficients(products, weights.double(), bool(center))
        memory["center"] = combine(inputs, coefficients, reference, center, delta=True)
        return reference + memory["center"]

    def _coefficients(self, products: Tensor, weights: Tensor, has_center: bool) -> Tensor:
        """z after the iterations, as coefficients [m (+ 1)] of the updates (and of the last z)."""
        import torch

        m = len(weights)
        z = torch.zeros(len(products), dtype=torch.float64)
        if has_center:
            z[m] = 1.0
        units = torch.eye(len(products), dtype=torch.float64)[:m]
        for _ in range(self.iterations):
            away = units - z
            distance = ((away @ products) * away).sum(1).clamp(min=0).sqrt()
            tau = self.tau if self.tau is not None else self.widen * float(distance.quantile(0.5))
            z = z + (weights * (tau / distance.clamp(min=1e-300)).clamp(max=1.0)) @ away
        return z
