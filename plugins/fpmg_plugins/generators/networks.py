"""The networks of the conditional GANs: one generator a modality, one discriminator a group of modalities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class ModalityGenerator(nn.Module):
    """One modality's vectors from shared noise [n, noise] and conditions [n, c].

    A linear map of noise and conditions, set from the exchanged statistics, plus a residual network that starts at zero.
    """

    def __init__(self, noise: int, condition: int, dim: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(noise + condition, dim)
        self.residual = nn.Sequential(
            nn.Linear(noise + condition, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, dim),
        )

    def start(self, given: Tensor, factor: Tensor) -> None:
        """given [c, dim], factor [dim, noise]: the Gaussian to begin with, its mean linear in the conditions."""
        with torch.no_grad():
            self.linear.bias.zero_()
            self.linear.weight.copy_(torch.cat([factor, given.T], dim=1))
            last = self.residual[-1]
            assert isinstance(last, nn.Linear)
            last.weight.mul_(0.1)
            last.bias.zero_()

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        x = torch.cat([noise, condition], dim=1)
        y: Tensor = self.linear(x) + self.residual(x)
        return y


class Discriminator(nn.Module):
    """Vectors [n, d] (absent modalities 0), masks [n, m] and conditions [n, c] to a critic value [n] and class logits [n, K]."""

    def __init__(self, dim: int, modalities: int, condition: int, classes: int, hidden: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(dim + modalities, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2)
        )
        self.critic = nn.Sequential(nn.Linear(hidden + condition, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))
        self.classify = nn.Linear(hidden, classes)

    def forward(self, z: Tensor, mask: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(torch.cat([z, mask], dim=1))
        return self.critic(torch.cat([h, condition], dim=1))[:, 0], self.classify(h)


@torch.no_grad()
def rescale(module: nn.Module, bound: float) -> None:
    """W <- W / max(1, s(W) / bound) for every linear layer, s(W) by power iteration: post-processing, free under privacy."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear) and layer.out_features > 1:
            layer.weight.div_(max(1.0, spectral_norm(layer.weight) / bound))


def spectral_norm(weight: Tensor, iterations: int = 4) -> float:
    """Largest singular value [estimate from below] of a matrix, by power iteration on the smaller Gram matrix from a fixed start."""
    gram = weight @ weight.T if weight.shape[0] < weight.shape[1] else weight.T @ weight
    v = gram.sum(0)
    for _ in range(iterations):
        v = gram @ (v / torch.linalg.vector_norm(v).clamp(min=1e-12))
    return float(torch.linalg.vector_norm(v)) ** 0.5
