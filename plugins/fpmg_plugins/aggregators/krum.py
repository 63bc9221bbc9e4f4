"""Krum and Multi-Krum (Blanchard et al., 2017): the models with the closest company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge

from fpmg_plugins.aggregators.span import mean_of, squared_distances

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


def scores(distances: Tensor, liars: int) -> Tensor:
    """Sum [m] of each model's squared distances to its m - liars - 2 nearest others; distances [m, m]. One neighbour at least."""
    others = distances.clone().fill_diagonal_(-1.0).sort(1).values[:, 1:]  # itself first, out
    return others[:, : max(len(distances) - liars - 2, 1)].sum(1)


@dataclass(frozen=True)
class Krum:
    """The model whose m - liars - 2 nearest others are closest; withstands `liars` of m >= 2 liars + 3. Ties: lowest origin.

    Weights are ignored: a liar would claim many patients. The result is one silo's model, so what the others learnt is lost.
    """

    liars: Annotated[int, Ge(0)] = 1

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return 2 * self.liars + 3

    def withstands(self, models: int) -> int:
        return self.liars if models >= self.min_inputs() else 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The chosen row [d] of inputs [m, d], bit for bit."""
        score = scores(squared_distances(inputs, reference), self.liars)
        return mean_of(inputs, [int(score.argmin())], reference)


@dataclass(frozen=True)
class MultiKrum:
    """The plain mean of the `keep` models of lowest Krum score, None: m - liars. Ties: lowest origin. Weights are ignored."""

    liars: Annotated[int, Ge(0)] = 1
    keep: Annotated[int, Ge(1)] | None = None

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = False

    def min_inputs(self) -> int:
        return max(2 * self.liars + 3, self.liars + (self.keep or 0))

    def withstands(self, models: int) -> int:
        return self.liars if models >= self.min_inputs() else 0

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The mean [d] of the chosen rows of inputs [m, d]."""
        score = scores(squared_distances(inputs, reference), self.liars)
        kept = score.sort(stable=True).indices[: self.keep or len(inputs) - self.liars]
        return mean_of(inputs, sorted(kept.tolist()), reference)
