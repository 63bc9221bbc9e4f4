"""The components of a mixture in white coordinates, where the exchanged Gaussian is standard normal, and the sums they come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from fpmg_bench.devices import drawn

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Rng, State

EMPTY = 1e-6  # share of a component that has nobody
LEAST = 1e-3  # of a direction's variance within a component: the whole has 1
NARROW = 0.3  # variance of the components to begin with: wide ones would all become the whole
SHARE = "mixture/share"  # [K, classes]: share of patients that are of a component and a class
FIRST = "mixture/first"  # [K, d]: mean over all patients of r_k u
SECOND = "mixture/second"  # [K, d, d]: mean over all patients of r_k u u^T


@dataclass(frozen=True, slots=True)
class Components:
    """share [K, classes], mean [K, d], covariance [K, d, d] or, where all have the same, [1, d, d]; float64."""

    share: Tensor
    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, state: State, prior: float) -> Self:
        """The maximisation step. prior: pseudo-patients' share, that draw each component's covariance to what all have on average.

        That is the whole's covariance, 1, less what lies between the means; without second moments it is every component's.
        """
        share, first = state[SHARE].double().clamp(min=0), state[FIRST].double()
        weight = share.sum(1).clamp(min=EMPTY)
        mean = first / weight[:, None]
        tied = _floored(torch.eye(first.shape[1], dtype=torch.float64) - (mean.T * weight) @ mean)
        if SECOND not in state:
            return cls(share, mean, tied[None])
        scatter = state[SECOND].double() - first[:, :, None] * mean[:, None, :]
        return cls(share, mean, torch.stack([_floored(s) for s in (scatter + prior * tied) / (weight + prior)[:, None, None]]))

    def responsibilities(self, u: Tensor, label: Tensor) -> Tensor:
        """P(component | u, label) [n, K] float64."""
        u = u.double()
        factor = torch.linalg.cholesky(self.covariance)
        scale = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        off = torch.stack(
            [
                torch.linalg.solve_triangular(factor[min(k, len(factor) - 1)], (u - mean).T, upper=False).square().sum(0)
                for k, mean in enumerate(self.mean)
            ],
            dim=1,
        )
        said = self.share.clamp(min=1e-9).log().T[label] - 0.5 * (off + scale)
        return torch.softmax(said, dim=1)

    def sample(self, label: Tensor, rng: Rng) -> Tensor:
        """White vectors [n, d] float32 of patients of these labels."""
        shares = self.share.clamp(min=0).T[label] + 1e-12
        at = torch.multinomial(shares, 1, generator=rng)[:, 0]
        noise = drawn((len(label), self.mean.shape[1]), rng, torch.zeros(()))
        u = torch.empty_like(noise)
        factor = torch.linalg.cholesky(self.covariance).float()
        for k, mean in enumerate(self.mean.float()):
            mine = at == k
            u[mine] = mean + noise[mine] @ factor[min(k, len(factor) - 1)].T
        return u


def started(components: int, classes: Tensor, d: int, rng: Rng, second: bool) -> State:
    """Sums whose maximisation gives narrow components about points drawn from the whole's own Gaussian. classes: their shares [C]."""
    mean = torch.randn(components, d, generator=rng, dtype=torch.float64)
    mean -= mean.mean(0)
    share = (classes.double() / classes.sum())[None, :].repeat(components, 1) / components
    state = {SHARE: share.float(), FIRST: (mean / components).float()}
    if second:
        eye = torch.eye(d, dtype=torch.float64)
        state[SECOND] = ((NARROW * eye + mean[:, :, None] * mean[:, None, :]) / components).float()
    return state


def _floored(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    found: Tensor = (vectors * values.clamp(min=LEAST)) @ vectors.T
    return found


def reach(d: int) -> float:
    """Length of a standard normal vector of d entries."""
    return math.sqrt(d)
