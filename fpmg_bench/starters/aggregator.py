"""A merging rule: the mean of models whose updates are no longer than most."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


class Mine:
    """bound: the longest update that counts in full, in medians of their lengths."""

    needs: ClassVar[Literal["sum", "individual"]] = (
        "individual"  # "sum" where the weighted sum is enough: then masks can hide each model
    )
    uses_own: ClassVar[bool] = False

    def __init__(self, bound: float = 1.5) -> None:
        self.bound = bound

    def min_inputs(self) -> int:
        return 1

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """inputs [m, d]: models by ascending origin, weights [m] sum to 1, reference [d]: the model before this round's training."""
        updates = inputs.double() - reference.double()
        lengths = updates.norm(dim=1)
        shrunk = (self.bound * lengths.quantile(0.5) / lengths.clamp(min=1e-300)).clamp(max=1.0)
        merged: Tensor = (reference.double() + (weights.double() * shrunk) @ updates).to(reference.dtype)
        return merged
