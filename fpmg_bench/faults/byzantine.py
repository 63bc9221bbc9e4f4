"""Silos that send something else than what they learnt. Formulas are in float64; updates are x - x_ref of the round."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Gt

from fpmg_bench.faults.kind import Crowd, Kind

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Rng


def flipped(model: Tensor, reference: Tensor, scale: float) -> Tensor:
    """x_ref - scale (x - x_ref)."""
    start = reference.double()
    return (start - scale * (model.double() - start)).to(model.dtype)


@dataclass(frozen=True)
class Liar(Kind):
    """An adversary that lies about its model to everyone alike."""

    byzantine: ClassVar[bool] = True


@dataclass(frozen=True)
class SignFlip(Liar):
    """Sends x_ref - scale (x - x_ref): its update backwards (Li et al., RSA, 2019)."""

    scale: Annotated[float, Gt(0)] = 1.0

    def lie(self, model: Tensor, reference: Tensor, crowd: Crowd | None, rng: Rng) -> Tensor:
        return flipped(model, reference, self.scale)


@dataclass(frozen=True)
class Gaussian(Liar):
    """Sends x_ref + noise of standard deviation scale * rms(x - x_ref) (Blanchard et al., 2017, there with a fixed deviation)."""

    scale: Annotated[float, Gt(0)] = 10.0

    def lie(self, model: Tensor, reference: Tensor, crowd: Crowd | None, rng: Rng) -> Tensor:
        import torch

        start = reference.double()
        deviation = self.scale * (model.double() - start).square().mean().sqrt()
        return (start + deviation * torch.randn(len(start), generator=rng, dtype=torch.float64)).to(model.dtype)


@dataclass(frozen=True)
class Alie(Liar):
    """A little is enough (Baruch, Baruch and Goldberg, 2019): mean - z std of the honest models, coordinate by coordinate.

    z: None takes the paper's, the largest that still hides among n models of which f lie (`hidden`), 0 where that is negative.
    """

    z: Annotated[float, Gt(0)] | None = None
    omniscient: ClassVar[bool] = True

    def lie(self, model: Tensor, reference: Tensor, crowd: Crowd | None, rng: Rng) -> Tensor:
        assert crowd is not None
        z = self.z if self.z is not None else max(hidden(crowd.n, crowd.f), 0.0)
        return (crowd.models.mean(0) - z * crowd.models.std(0, unbiased=False)).to(model.dtype)


def hidden(n: int, f: int) -> float:
    """z_max of Baruch et al.: Phi(z) = (n - f - s) / (n - f) with s = floor(n/2 + 1) - f supporters to be won.

    >>> round(hidden(50, 24), 2)
    1.43
    """
    share = (n - f - (n // 2 + 1 - f)) / (n - f)
    if share >= 1:  # liars are a majority: nobody needs to be won
        return NormalDist().inv_cdf(1 - 1e-3)
    return NormalDist().inv_cdf(share) if share > 0 else float("-inf")


@dataclass(frozen=True)
class InnerProduct(Liar):
    """Inner product manipulation (Xie, Koyejo and Gupta, 2020): x_ref - epsilon * the mean of the honest updates."""

    epsilon: Annotated[float, Gt(0)] = 0.5
    omniscient: ClassVar[bool] = True

    def lie(self, model: Tensor, reference: Tensor, crowd: Crowd | None, rng: Rng) -> Tensor:
        assert crowd is not None
        return (reference.double() - self.epsilon * (crowd.models - crowd.references).mean(0)).to(model.dtype)


@dataclass(frozen=True)
class LabelFlip(Liar):
    """Trains on labels in reverse order, K - 1 - y, and sends what that gives (Tolpegin et al., 2020). Of stage 2, in all rounds."""

    rounds: ClassVar[bool] = False
