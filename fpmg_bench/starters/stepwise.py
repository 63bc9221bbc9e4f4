"""A generator that is trained by steps: a network tells mean and spread of a class's vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from fpmg_bench.stepwise import StepwiseGenerator, classes

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Rng, Space


class Net(nn.Module):
    """forward(batch) gives a loss a row: how unlikely its vector is."""

    def __init__(self, d: int, k: int, hidden: int) -> None:
        super().__init__()
        self.tell = nn.Sequential(nn.Linear(k, hidden), nn.ReLU(), nn.Linear(hidden, 2 * d))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        mean, log_sd = self.law(batch["label"])
        off = ((batch["z"] - mean) / log_sd.exp()).square() / 2 + log_sd
        losses: Tensor = (off * batch["present"]).sum(1)  # a modality that a record lacks is no loss
        return losses

    def law(self, label: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_sd = self.tell(label).chunk(2, 1)
        return mean, log_sd.clamp(-4, 2)


class Mine(StepwiseGenerator):
    """hidden: width of the network. lr: of Adam."""

    def __init__(self, hidden: int = 64, lr: float = 1e-2) -> None:
        self.hidden, self.lr = hidden, lr

    def network(self, space: Space) -> Net:
        return Net(space.width, classes(space), self.hidden)

    def vectors(self, net: nn.Module, space: Space, label: Tensor, rng: Rng) -> Tensor:
        assert isinstance(net, Net)
        mean, log_sd = net.law(label)
        return mean + log_sd.exp() * torch.randn(mean.shape, generator=rng)
