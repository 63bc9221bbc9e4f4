"""The networks of the conditional GANs: one generator a modality, one discriminator a group of modalities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import nn

from fpmg_plugins import variates
from fpmg_plugins.generators import conditions

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Space, Way

Group = tuple[str, ...]


class ModalityGenerator(nn.Module):
    """One modality's vectors, in units of their columns' spread, from shared noise [n, noise] and conditions [n, c].

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
        """given [c, dim], factor [dim, noise]: the Gaussian to begin with, in the same units, its mean linear in the conditions."""
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
    """Vectors [n, d] in units of their columns' spread (absent modalities 0), masks [n, m] and conditions [n, c] to a critic value [n] and class logits [n, K]."""

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
            over = spectral_norm(layer.weight) / bound
            if over > 1.0:
                layer.weight.div_(over)


def spectral_norm(weight: Tensor, iterations: int = 4) -> float:
    """Largest singular value [estimate from below] of a matrix, by power iteration on the smaller Gram matrix from a fixed start."""
    gram = weight @ weight.T if weight.shape[0] < weight.shape[1] else weight.T @ weight
    v = gram.sum(0)
    for _ in range(iterations):
        v = gram @ (v / torch.linalg.vector_norm(v).clamp(min=1e-12))
    largest: float = float(torch.linalg.vector_norm(v)) ** 0.5
    return largest


class Networks:
    """The settings of conditional GANs, and the networks of a group of modalities by them."""

    def __init__(
        self,
        noise: int = 0,
        hidden: int = 128,
        lr: float = 2e-3,
        loss: Literal["hinge", "logistic"] = "hinge",
        lipschitz: Literal["r1", "rescale", "none"] = "r1",
        penalty: Annotated[float, Gt(0)] = 3.0,
        classify: float = 0.5,
        teach: Literal["both", "discriminator"] = "discriminator",
        ema: float = 0.95,
        fakes: int = 128,
        balance: bool = True,
        send: Literal["both", "generator"] = "both",
        proximal: Annotated[float, Ge(0)] = 0.0,
        optimizer: Literal["adam", "sgd"] = "adam",
        sites: bool = False,
        restore: bool = True,
        watch: bool = True,
        order: tuple[str, ...] = (),
        each: Annotated[int, Ge(1)] = 75,
        untold: tuple[str, ...] = (),
        discriminators: Literal["averaged", "universal"] = "averaged",
        scaffold: bool = False,
    ) -> None:
        self.noise = noise
        self.hidden = hidden
        self.lr = lr
        self.loss = loss
        self.lipschitz = lipschitz
        self.penalty = penalty
        self.classify = classify
        self.teach = teach
        self.ema = ema
        self.fakes = fakes
        self.balance = balance
        self.send = send
        self.proximal = proximal
        self.optimizer = optimizer
        self.sites = sites
        self.restore = restore
        self.watch = watch
        self.order = order
        self.each = each
        self.untold = untold
        self.discriminators = discriminators
        self.scaffold = scaffold

    @property
    def travels(self) -> dict[str, Way]:
        """What the aggregator does not merge."""
        found: dict[str, Way] = {"discriminator": "relay"} if self.discriminators == "universal" else {}
        return found | ({variates.KIND: "mean"} if self.scaffold else {})

    def undefined(self) -> str:
        """Why these settings do not fit together; "" where they do."""
        if self.discriminators == "universal" and self.loss != "logistic":
            return f"discriminators: universal mixes odds, and loss: {self.loss} teaches no logit; write loss: logistic"
        if self.discriminators == "universal" and self.send != "both":
            return f"discriminators: universal relays what send: {self.send} keeps at home; leave `send` out"
        return ""

    @property
    def released(self) -> Literal["ema", "generator"]:
        """Which weights are released: averages over steps, or, where all silos share one optimiser, the weights themselves."""
        return "ema" if self.optimizer == "adam" else "generator"

    def noise_of(self, space: Space, group: Group) -> int:
        """Noise dimensions: as given, else as many as the group's vectors have, so that a full covariance can be reached."""
        return self.noise or sum(space.blocks[m].stop - space.blocks[m].start for m in group)

    def generators_of(self, space: Space, group: Group) -> dict[str, ModalityGenerator]:
        noise, given = self.noise_of(space, group), conditions.width(space)
        dims = {m: space.blocks[m].stop - space.blocks[m].start for m in group}
        return {m: ModalityGenerator(noise, given, dim, self.hidden) for m, dim in dims.items()}

    def discriminator_of(self, space: Space, group: Group) -> Discriminator:
        dim = sum(space.blocks[m].stop - space.blocks[m].start for m in group)
        return Discriminator(dim, len(group), conditions.width(space), conditions.classes(space), self.hidden)
