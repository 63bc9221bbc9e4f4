"""FedAdam (Reddi et al., 2021): the mean update as a gradient of Adam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from fpmg_plugins.aggregators.span import combine, cuts

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


@dataclass(frozen=True)
class FedAdam:
    """reference + lr first / (sqrt(second) + adaptivity), the moments of the weighted mean update, as in their algorithm 2:

    no correction of the start, the second moment begins at adaptivity^2. Where every node sees the same models (star, relay ring,
    full) all keep the same moments; on gossip each silo has its own. A step of lr a coordinate, whatever the update's size:
    it leaves the convex hull of the models, and is robust to nothing.
    """

    lr: Annotated[float, Gt(0)] = 0.01
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.99
    adaptivity: Annotated[float, Gt(0)] = 1e-3

    needs: ClassVar[Literal["sum", "individual"]] = "sum"
    uses_own: ClassVar[bool] = False
    in_hull: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def withstands(self, models: int) -> int:
        return 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The merged model [d]; memory["first"], memory["second"]: the moments [d] of the last round."""
        import torch

        update = combine(inputs, weights, reference, delta=True)
        first, second = torch.empty_like(update), torch.empty_like(update)
        merged = torch.empty_like(reference)
        for cut in cuts(4, update.numel()):
            step = update[cut].double()
            m = self.beta1 * memory["first"][cut].double() if "first" in memory else torch.zeros_like(step)
            v = memory["second"][cut].double() if "second" in memory else torch.full_like(step, self.adaptivity**2)
            m, v = m + (1 - self.beta1) * step, self.beta2 * v + (1 - self.beta2) * step.square()
            first[cut], second[cut] = m, v
            merged[cut] = (reference[cut].double() + self.lr * m / (v.sqrt() + self.adaptivity)).to(reference.dtype)
        memory["first"], memory["second"] = first, second
        return merged
