"""What a generator draws, brought back to the means by class and the covariance within classes that silos exchanged.

Training that teaches a generator what no Gaussian has costs it some of what every Gaussian has: spread is lost to errors that average
out, means drift where silos differ. Both are known exactly from the exchange before round 0, so that putting them right touches no
patient, sends nothing and spends nothing (docs/decisions/053-moments-restored.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from fpmg_bench.devices import CPU

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Rng, State

    Make = Callable[[Tensor, Rng], Tensor]  # features of conditions [n, c], stream -> vectors [n, d]

ROWS = 4096  # drawn to see where a generator stands
LEAST = 0.05  # of a direction's variance: what has none left cannot be stretched back


@dataclass(frozen=True, slots=True)
class Target:
    """The exchanged Gaussian of some columns: z | conditions ~ N(features given, F F^T). given [c, d], factor F [d, d]."""

    given: Tensor
    factor: Tensor

    def to(self, device: str) -> Self:
        """The same there."""
        return type(self)(self.given.to(device), self.factor.to(device))


@dataclass(frozen=True, slots=True)
class Restored:
    """z -> features given + (z - features given - off by class) turn^T. off [K, d], turn [d, d]."""

    target: Target
    off: Tensor
    turn: Tensor

    @classmethod
    def of(cls, target: Target, shares: Tensor, z: Tensor, features: Tensor) -> Self:
        """Of vectors z [n, d] drawn under features [n, c] of conditions, whose first K columns are the label's one-hot; shares [K]."""
        label = features[:, : len(shares)].double()
        beside = z.double() - (features @ target.given).double()
        count = label.sum(0).clamp(min=1.0)
        off = label.T @ beside / count[:, None]
        weight = (label @ (shares.double() / count))[:, None]
        within = beside - label @ off
        covariance = (within * weight).T @ within / weight.sum()
        return cls(target, off.to(z.dtype), _turn(target.factor.double(), covariance).to(z.dtype))

    def __call__(self, z: Tensor, features: Tensor) -> Tensor:
        """Vectors [n, d] under features [n, c]."""
        centre = features @ self.target.given
        found: Tensor = centre + (z - centre - features[:, : len(self.off)] @ self.off) @ self.turn.T
        return found


def restored(state: State, target: Target, make: Make, given: Tensor, rng: Rng) -> Restored:
    """Where a generator stands by `ROWS` draws under the very conditions [n, c] that are asked for, n > 0, again and again."""
    asked = given[torch.arange(ROWS) % len(given)]
    with torch.no_grad():
        return Restored.of(target, state["prior/shares"], make(asked, rng).to(CPU), asked)


def _turn(factor: Tensor, covariance: Tensor) -> Tensor:
    """The map [d, d] that takes this covariance to F F^T: white it is the symmetric root, the least that does."""
    inverse = torch.linalg.pinv(factor)
    values, vectors = torch.linalg.eigh(inverse @ covariance @ inverse.T)
    white = (vectors * values.clamp(min=LEAST).rsqrt()) @ vectors.T
    turn: Tensor = factor @ white @ inverse
    return turn
