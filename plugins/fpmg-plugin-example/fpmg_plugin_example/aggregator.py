"""Norm bounding (Sun, Kairouz, Suresh and McMahan, 2019): no silo moves the model further than the others do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Gt

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


class NormBoundedMean:
    """reference + sum_i w_i u_i min(1, bound * median_j |u_j| / |u_i|) over the updates u_i = x_i - reference.

    bound: longest update, in medians of the updates' lengths.
    """

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def __init__(self, bound: Annotated[float, Gt(0)] = 1.5) -> None:
        self.bound = bound

    def min_inputs(self) -> int:
        """Defined from one model on."""
        return 1

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The merged model [d] of inputs [m, d] with weights [m] that sum to 1."""
        updates = inputs.double() - reference.double()
        lengths = updates.norm(dim=1)
        longest = self.bound * lengths.quantile(0.5)
        shrunk: Tensor = (longest / lengths.clamp(min=1e-300)).clamp(max=1.0)
        return (reference.double() + (weights.double() * shrunk) @ updates).to(reference.dtype)
