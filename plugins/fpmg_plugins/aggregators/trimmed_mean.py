"""The mean of each coordinate without its extremes (Yin et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge

from fpmg_plugins.aggregators.ordering import mean_between

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


@dataclass(frozen=True)
class TrimmedMean:
    """Withstands `liars` of m >= 2 liars + 1 models: so many of the lowest and of the highest are left out of each coordinate.

    Weights are ignored: a liar would claim many patients.
    """

    liars: Annotated[int, Ge(0)] = 1

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 2 * self.liars + 1

    def withstands(self, models: int) -> int:
        return self.liars if models >= self.min_inputs() else 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The trimmed mean [d] of inputs [m, d], summed in float64."""
        return mean_between(inputs, self.liars, len(inputs) - 1 - self.liars, reference)
