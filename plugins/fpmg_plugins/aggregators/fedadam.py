"""FedAdam and FedYogi (Reddi et al., 2021): the mean update as a gradient of an optimiser that all nodes share."""

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

    no correction of the start, the second moment begins at adaptivity^2. corrected: as Kingma & Ba (2015) have it, moments from 0
    and both divided by what they still lack: with learners of `optimizer: sgd` and one local step a round this is Adam on the
    gradient over all patients, whatever the silos' own differ in. yogi: the second moment moves by a step that its size does not
    scale (Zaheer et al., 2018). Where every node sees the same models (star, relay ring,
    full) all keep the same moments; on gossip each silo has its own. A step of lr a coordinate, whatever the update's size:
    it leaves the convex hull of the models, and is robust to nothing.
    """

    lr: Annotated[float, Gt(0)] = 0.01
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.99
    adaptivity: Annotated[float, Gt(0)] = 1e-3
    corrected: bool = False
    yogi: bool = False

    needs: ClassVar[Literal["sum", "individual"]] = "sum"
    uses_own: ClassVar[bool] = False
    in_hull: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 1

    def withstands(self, models: int) -> int:
        return 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The merged model [d]; memory["first"], memory["second"]: the moments [d] of the last round, memory["rounds"]: how many."""
        import torch

        update = combine(inputs, weights, reference, delta=True)
        kept, rounds = dict(memory), float(memory.get("rounds", torch.zeros(()))) + 1
        lack = [1 - beta**rounds if self.corrected else 1.0 for beta in (self.beta1, self.beta2)]
        first, second, merged = torch.empty_like(update), torch.empty_like(update), torch.empty_like(reference)
        for cut in cuts(4, update.numel()):
            step = update[cut].double()
            m, v = self._moments(step, *(kept[name][cut].double() if name in kept else None for name in ("first", "second")))
            first[cut], second[cut] = m, v
            off = self.lr * m / lack[0] / ((v / lack[1]).sqrt() + self.adaptivity)
            merged[cut] = (reference[cut].double() + off).to(reference.dtype)
        memory["first"], memory["second"] = first, second
        memory["rounds"] = torch.tensor(rounds)
        return merged

    def _moments(self, step: Tensor, m: Tensor | None, v: Tensor | None) -> tuple[Tensor, Tensor]:
        """After one more mean update; None before the first."""
        square = step.square()
        m = (1 - self.beta1) * step if m is None else self.beta1 * m + (1 - self.beta1) * step
        if v is None:
            v = square.new_full(square.shape, 0.0 if self.corrected else self.adaptivity**2)
        if self.yogi:
            return m, v - (1 - self.beta2) * square * (v - square).sign()
        return m, self.beta2 * v + (1 - self.beta2) * square
