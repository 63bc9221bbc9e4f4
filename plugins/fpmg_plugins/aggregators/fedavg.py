"""FedAvg (McMahan et al., 2017): the mean weighted by training patients, or by the topology's mixing weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from fpmg_plugins.aggregators.span import combine

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


@dataclass(frozen=True)
class FedAvg:
    """sum_i weights_i inputs_i, as differences to the reference, in float64."""

    needs: ClassVar[Literal["sum", "individual"]] = "sum"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def withstands(self, models: int) -> int:
        return 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The weighted mean [d] of inputs [m, d]."""
        return combine(inputs, weights, reference)
