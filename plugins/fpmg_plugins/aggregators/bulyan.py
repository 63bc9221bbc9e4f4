"""Bulyan (El Mhamdi, Guerraoui and Rouault, 2018): Krum again and again, then each coordinate's middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge

from fpmg_plugins.aggregators.krum import scores
from fpmg_plugins.aggregators.ordering import ordered
from fpmg_plugins.aggregators.span import squared_distances

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


@dataclass(frozen=True)
class Bulyan:
    """Withstands `liars` of m >= 4 liars + 3 models, in every coordinate too.

    theta = m - 2 liars models are chosen by Krum one after the other, each taken out before the next is chosen (the last ones by
    their nearest neighbour, since Krum's count m - liars - 2 has run out); then every coordinate is the mean of the
    theta - 2 liars values closest to its median. Ties: lowest origin, lower value. Weights are ignored.
    """

    liars: Annotated[int, Ge(0)] = 1

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 4 * self.liars + 3

    def withstands(self, models: int) -> int:
        return self.liars if models >= self.min_inputs() else 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The merged model [d] of inputs [m, d]."""
        import torch

        chosen = self.chosen(squared_distances(inputs, reference))
        merged = torch.empty_like(reference)
        for cut, rows in ordered(inputs, 0, len(chosen) - 1, chosen):
            merged[cut] = _around_the_median(rows, 2 * self.liars).to(reference.dtype)
        return merged

    def chosen(self, distances: Tensor) -> list[int]:
        """The theta rows that Krum chooses, one after the other, from squared distances [m, m]; ascending."""
        left, taken = list(range(len(distances))), list[int]()
        while len(taken) < len(distances) - 2 * self.liars:
            best = int(scores(distances[left][:, left], self.liars).argmin())
            taken.append(left.pop(best))
        return sorted(taken)


def _around_the_median(rows: list[Tensor], drop: int) -> Tensor:
    """Mean of the values closest to the median without the `drop` farthest; rows ascend in every coordinate; float64.

    The closest ones are neighbours in the order: of drop + 1 windows, the one that reaches least far.
    """
    import torch

    values = torch.stack(rows).double()
    size, middle = len(rows) - drop, (values[(len(rows) - 1) // 2] + values[len(rows) // 2]) / 2
    best, reach = values[:size].sum(0), torch.maximum(middle - values[0], values[size - 1] - middle)
    for start in range(1, drop + 1):
        window = values[start : start + size]
        far = torch.maximum(middle - window[0], window[-1] - middle)
        best = torch.where(far < reach, window.sum(0), best)
        reach = torch.minimum(far, reach)
    return best / size
