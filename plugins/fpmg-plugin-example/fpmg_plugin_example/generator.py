"""A conditional variational autoencoder over representation vectors (Kingma and Welling, 2014; Sohn, Lee and Yan, 2015)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Ge, Gt
from torch import nn
from torch.nn import functional as F

from fpmg_bench.contracts import Objective
from fpmg_bench.types import Charges, Representation, Update

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State


class JointVae:
    """One latent variable for all modalities of a patient; the label is the condition.

    latent, hidden: sizes. beta: weight of the latent's distance from its prior. Adam starts anew in every round.
    Pitfalls: conditions other than the label are ignored, which the metric `balance` shows; an absent modality is left out of
    the loss, and every modality is released.
    """

    rounds: int | None = None

    def __init__(
        self,
        latent: Annotated[int, Ge(1)] = 16,
        hidden: Annotated[int, Ge(1)] = 128,
        lr: Annotated[float, Gt(0)] = 2e-3,
        beta: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        self.latent = latent
        self.hidden = hidden
        self.lr = lr
        self.beta = beta

    def charges(self, schema: Space, steps: int) -> Charges:
        """Steps are all that touches patients: what a ledger is calibrated to before anything is trained."""
        return Charges(private_steps=steps)

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        """Nothing has to be known before training."""
        return {}

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        """Fresh weights, the same at every silo."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=rng)))
            return _state(self._fresh(schema))

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        """One silo, one round. The shard draws the patients; in a private trial it clips and noises the step too."""
        net = self._net(ctx.schema, state)
        optimizer = torch.optim.Adam(net.parameters(), lr=ctx.params.get("lr", self.lr))
        rows = shard.prepared(f"round {ctx.round}", partial(_batch, latent=self.latent, rng=ctx.rng))
        for _ in range(ctx.steps):
            rows.step(net, optimizer, _losses)
        return Update(_state(net), float(shard.patients))

    def objective(self, schema: Space, state: State) -> Mapping[str, Objective]:
        """For attacks by loss and by gradient: the loss without noise."""
        return {"vae": Objective(self._net(schema, state), _losses, partial(_batch, latent=self.latent))}

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng) -> Representation:
        n, net = len(condition), self._net(schema, state)
        u, noise = (torch.randn(n, width, generator=rng) for width in (self.latent, schema.width))
        with torch.no_grad():
            mean, spread = net.decode(u, _label(schema, condition))
        everything = torch.ones(n, len(schema.blocks), dtype=torch.bool)
        return Representation(mean + spread.exp() * noise, everything, condition, torch.arange(n), schema)

    def _fresh(self, space: Space) -> Net:
        return Net(space.width, _classes(space), self.latent, self.hidden, self.beta)

    def _net(self, space: Space, state: State) -> Net:
        with torch.random.fork_rng(devices=[]):  # weights that are overwritten at once should not move the global stream
            net = self._fresh(space)
        net.load_state_dict({key.removeprefix("vae/"): value for key, value in state.items()})
        return net


class Net(nn.Module):
    """forward(batch) gives losses [n], each from its own row alone: no batch norm, no mean, or clipping would bound nobody."""

    def __init__(self, d: int, classes: int, latent: int, hidden: int, beta: float) -> None:
        super().__init__()
        self.beta = beta
        self.into = nn.Sequential(nn.Linear(d + classes, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 2 * latent))
        self.back = nn.Sequential(nn.Linear(latent + classes, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 2 * d))

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        mean, log_sd = self.into(torch.cat([batch["z"], batch["label"]], 1)).chunk(2, 1)
        log_sd = log_sd.clamp(-6, 2)
        made, spread = self.decode(mean + log_sd.exp() * batch["noise"], batch["label"])
        off = ((batch["z"] - made) / spread.exp()).square() / 2 + spread
        far = (mean.square() + (2 * log_sd).exp() - 1) / 2 - log_sd
        losses: Tensor = (off * batch["present"]).sum(1) + self.beta * far.sum(1)
        return losses

    def decode(self, u: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation [n, d] of the vectors."""
        mean, spread = self.back(torch.cat([u, label], 1)).chunk(2, 1)
        return mean, spread.clamp(-4, 2)


def _losses(net: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    losses: Tensor = net(batch)
    return losses


def _batch(rows: Representation, latent: int, rng: Rng | None = None) -> dict[str, Tensor]:
    """What the network sees of each record: vectors, modality masks spread over their columns, one-hot label, and noise.

    A private loss is a function of its row, so its noise is drawn with the rows, anew in every round; none without `rng`.
    """
    spread = [rows.present[:, [i]].float().expand(-1, at.stop - at.start) for i, at in enumerate(rows.space.blocks.values())]
    noise = torch.zeros(len(rows), latent) if rng is None else torch.randn(len(rows), latent, generator=rng)
    return {"z": rows.z, "present": torch.cat(spread, 1), "label": _label(rows.space, rows.condition), "noise": noise}


def _label(space: Space, condition: Tensor) -> Tensor:
    return F.one_hot(condition[:, 0].long(), _classes(space)).float()


def _classes(space: Space) -> int:
    return max(2, space.condition[0].width)


def _state(net: nn.Module) -> State:
    return {f"vae/{key}": value.detach().clone() for key, value in net.state_dict().items()}
