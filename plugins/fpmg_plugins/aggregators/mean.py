"""The plain mean: every model counts the same, however many patients stand behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from fpmg_plugins.aggregators.span import mean_of

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


@dataclass(frozen=True)
class Mean:
    """sum_i inputs_i / m. Under secure aggregation models are summed with equal weights for it."""

    needs: ClassVar[Literal["sum", "individual"]] = "sum"
    weighs_equally: ClassVar[bool] = True
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def withstands(self, models: int) -> int:
        return 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The mean [d] of inputs [m, d], as differences to the reference, in float64."""
        return mean_of(inputs, range(len(inputs)), reference)
