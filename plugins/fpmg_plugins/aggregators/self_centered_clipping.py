"""Self-centered clipping, or ClippedGossip (He, Karimireddy and Jaggi, 2022): nobody moves a silo farther than it allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Gt

from fpmg_plugins.aggregators.span import combine, distances_to

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State


@dataclass(frozen=True)
class SelfCenteredClipping:
    """x_i + sum_j W_ij (x_j - x_i) min(1, tau / |x_j - x_i|): every neighbour's pull is clipped around the silo's own model.

    tau None: the second largest distance of a neighbour, as the authors' own code has it (of one neighbour, its distance), which
    withstands one liar a neighbourhood. At a server or hub, which has no model of its own, around the reference.
    Theory asks for liars of weight O(gap^2) in every neighbourhood: no ring of more than 4 silos has that; measured only.
    """

    tau: Annotated[float, Gt(0)] | None = None

    needs: ClassVar[Literal["sum", "individual"]] = "individual"
    uses_own: ClassVar[bool] = True

    def min_inputs(self) -> int:
        return 1

    def merge(self, inputs: Tensor, weights: Tensor, reference: Tensor, own: int | None, memory: State) -> Tensor:
        """The merged model [d]; weights [m] are the row of the mixing matrix, or shares of patients."""
        center = reference if own is None else inputs[own]
        away = distances_to(inputs, center)
        pulls = weights.double() * (self._tau(away, own) / away.clamp(min=1e-300)).clamp(max=1.0)
        if own is not None:
            pulls[own] = 0.0
        return combine(inputs, pulls, center)

    def _tau(self, away: Tensor, own: int | None) -> float:
        if self.tau is not None:
            return self.tau
        others = sorted(float(distance) for row, distance in enumerate(away) if row != own)
        return others[-2] if len(others) > 1 else sum(others)
