"""Gradient inversion: rows whose simulated gradient points along the change of the weights (Geiping et al., NeurIPS 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_plugins.metrics.privacy.neighbour.attacks import Target
    from fpmg_plugins.metrics.privacy.neighbour.views import Sight

    Batch = Mapping[str, Tensor]
    Floats = NDArray[np.floating[Any]]

RATE = 0.1  # of Adam over standardised rows
PULL = 0.1  # towards the mean row: what the gradient says nothing of stays there
SPREAD = 0.1  # of the first guess around the mean row


@dataclass(frozen=True, slots=True)
class Guess:
    """What an adversary starts from: rows of its own patients. mean, size: of each of their tensors that can be rebuilt.

    Numbers and pixels are rebuilt, `many` rows of them; masks, codes and labels are taken from its own first rows.
    """

    rows: Batch
    many: int
    mean: Batch
    size: Mapping[str, float]

    @classmethod
    def of(cls, rows: Batch, many: int) -> Guess:
        kept = {key: value.float() for key, value in rows.items() if _numbers(value)}
        mean = {key: value.mean(0) for key, value in kept.items()}
        size = {key: float((value - mean[key]).square().mean().sqrt()) for key, value in kept.items()}
        return cls(
            rows, min(many, _length(rows)), {k: mean[k] for k in kept if size[k] > 0}, {k: s for k, s in size.items() if s > 0}
        )

    def standard(self, batch: Batch) -> Tensor:
        """Rows [n, k] of what can be rebuilt: difference to the mean row over the size of its tensor."""
        return torch.cat([((batch[k].float() - self.mean[k]) / self.size[k]).flatten(1) for k in self.mean], dim=1)

    def filled(self, standard: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A whole batch around standardised rows."""
        return {k: v[: self.many] for k, v in self.rows.items()} | {
            k: self.mean[k] + self.size[k] * v for k, v in standard.items()
        }


def invert(target: Target, sight: Sight, guess: Guess, iterations: int, seed: int) -> Tensor:
    """Rows [m, k] (standardised) found by Adam on one minus the cosine of minus gradient and change."""
    start, change = target.weights(sight.start), target.change(sight)
    moving = {key: start[key].clone().requires_grad_() for key in change}
    length = torch.stack([value.square().sum() for value in change.values()]).sum().sqrt().clamp(min=1e-12)
    rng = torch.Generator().manual_seed(seed % 2**63)
    rows = {k: (SPREAD * torch.randn((guess.many, *v.shape), generator=rng)).requires_grad_() for k, v in guess.mean.items()}
    optimizer = torch.optim.Adam(rows.values(), lr=RATE)
    with sdpa_kernel(SDPBackend.MATH):  # the other kernels cannot be differentiated twice
        for _ in range(iterations):
            loss = functional_call(target.losses, {**start, **moving}, (guess.filled(rows),)).mean()
            slopes = torch.autograd.grad(loss, list(moving.values()), create_graph=True)
            along = torch.stack([(g * d).sum() for g, d in zip(slopes, change.values(), strict=True)]).sum()
            size = torch.stack([g.square().sum() for g in slopes]).sum().sqrt().clamp(min=1e-12)
            pull = torch.stack([row.square().mean() for row in rows.values()]).sum()
            aim = 1 + along / (size * length) + PULL * pull
            for row, slope in zip(rows.values(), torch.autograd.grad(aim, list(rows.values())), strict=True):
                row.grad = slope
            optimizer.step()
    return torch.cat([row.detach().flatten(1) for row in rows.values()], dim=1)


def misses(rows: Tensor, found: Sequence[Tensor]) -> tuple[Floats, Floats]:
    """([n] root mean squared error of each row's best match among the rebuilt ones, [n] that of guessing the mean row)."""
    width = rows.shape[1] ** 0.5
    best = torch.cdist(rows, torch.cat(list(found))).min(1).values / width
    return best.double().numpy(), (rows.norm(dim=1) / width).double().numpy()


def _length(rows: Batch) -> int:
    return len(next(iter(rows.values())))


def _numbers(value: Tensor) -> bool:
    """Numbers or pixels of rows, and not flags; one number a row is a label."""
    if value.dim() < 2 or not (value.is_floating_point() or value.dtype == torch.uint8) or not value[0].numel():
        return False
    return not bool(((value == 0) | (value == 1)).all())
