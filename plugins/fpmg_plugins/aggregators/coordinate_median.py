"""The median of each coordinate (Yin et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge

from fpmg_plugins.aggregators.ordering import mean_between

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


@dataclass(frozen=True)
class CoordinateMedian:
    """Withstands `liars` of m >= 2 liars + 1 models. Weights are ignored: a liar would claim many patients."""

    liars: Annotated[int, Ge(0)] = 1

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 2 * self.liars + 1

    def withstands(self, models: int) -> int:
        return (models - 1) // 2 if models >= self.min_inputs() else 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The median [d] of inputs [m, d]; the mean of the middle two where m is even (torch.median takes the lower)."""
        return mean_between(inputs, (len(inputs) - 1) // 2, len(inputs) // 2, reference)
