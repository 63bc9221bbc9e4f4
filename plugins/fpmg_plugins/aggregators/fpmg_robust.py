"""FPMG's robust weight aggregation at every reception (docs/decisions/020-fpmg-robust.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from fpmg_plugins.aggregators.geometric_median import weiszfeld
from fpmg_plugins.aggregators.span import combine, distances_from, squared_distances

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State

WIDE = 2.0  # twice the median distance is 1.35 standard deviations of a normal coordinate: Huber's (1964) bound


@dataclass(frozen=True)
class FpmgRobust:
    """z + sum_i p_i (x_i - z) min(1, (r / |x_i - z|)^2): z the plain geometric median, r twice the median distance from it.

    FedAvg (p_i: shares of patients) as long as no model is farther out than r. Beyond, a model's pull shrinks as it goes away: the
    most that one of share p can move the result is p r, and it must stay at r to do so. z and r count models, not patients:
    a liar that claims many gains no say in where the middle is. No number of liars to guess and nothing to tune, so that a relay
    ring may merge at every reception: of one model it gives that one, of two their weighted mean, and it withstands liars from
    three models on, as long as they are fewer than half.
    """

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def withstands(self, models: int) -> int:
        return (models - 1) // 2

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The merged model [d] of inputs [m, d]."""
        return combine(inputs, self.shares(squared_distances(inputs, reference), weights.double()), reference)

    def shares(self, distances: Tensor, weights: Tensor) -> Tensor:
        """What each model counts for [m], summing to 1, from squared distances [m, m]."""
        import torch

        middle = weiszfeld(distances, torch.ones_like(weights))
        away = distances_from(distances, middle)
        radius = WIDE * float(away.quantile(0.5))
        pull = weights * (radius / away.clamp(min=1e-150)).square().clamp(max=1.0)
        return pull + (1.0 - pull.sum()) * middle
