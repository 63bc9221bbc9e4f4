"""What a generator that is trained by steps need not write: everything but its network and how it draws."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from fpmg_bench.contracts import Objective
from fpmg_bench.types import Charges, Representation, Update

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State

PREFIX = "net/"


class StepwiseGenerator:
    """A generator by its `network` and its `vectors`: steps alone touch patients, nothing is exchanged before them, all of it is merged.

    The network's forward(batch) gives losses [n], each from its own row alone (no batch norm, no mean): then DP-SGD trains it too.
    batch: z [n, d]; present [n, d], 1 where the record has the column's modality; label [n, k] one-hot; noise [n, d] standard normal,
    drawn anew in every round. Adam starts anew in every round, with `lr`; a silo's own `lr` is taken. Every modality is released.
    """

    rounds: int | None = None
    lr: float = 2e-3

    def network(self, space: Space) -> nn.Module:
        """Fresh, from torch's global generator, which is seeded."""
        raise NotImplementedError("a stepwise generator says what its network is")

    def vectors(self, net: nn.Module, space: Space, label: Tensor, rng: Rng) -> Tensor:
        """Vectors [n, d], one a row of label [n, k], one-hot."""
        raise NotImplementedError("a stepwise generator says how it draws")

    def charges(self, schema: Space, steps: int) -> Charges:
        """One access a step."""
        return Charges(private_steps=steps)

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        """None."""
        return {}

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        """The network's fresh weights, the same at every silo."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=rng)))
            return _state(self.network(schema))

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        """`ctx.steps` steps of Adam."""
        import torch

        net = self._net(ctx.schema, state)
        optimizer = torch.optim.Adam(net.parameters(), lr=ctx.params.get("lr", self.lr))
        rows = shard.prepared(f"round {ctx.round}", partial(batch, rng=ctx.rng))
        for _ in range(ctx.steps):
            rows.step(net, optimizer, _losses)
        return Update(_state(net), float(shard.patients))

    def objective(self, schema: Space, state: State) -> Mapping[str, Objective]:
        """For attacks by loss and by gradient: the loss at noise 0."""
        return {"net": Objective(self._net(schema, state), _losses, batch)}

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng) -> Representation:
        """One vector a row of condition [n, c], all of whose modalities are there."""
        import torch

        with torch.no_grad():
            z = self.vectors(self._net(schema, state), schema, one_hot(schema, condition), rng)
        everything = torch.ones(len(z), len(schema.blocks), dtype=torch.bool)
        return Representation(z, everything, condition, torch.arange(len(z)), schema)

    def _net(self, space: Space, state: State) -> nn.Module:
        import torch

        with torch.random.fork_rng(devices=[]):  # weights that are overwritten at once move no stream
            net = self.network(space)
        net.load_state_dict({key.removeprefix(PREFIX): value for key, value in state.items()})
        return net


def batch(rows: Representation, rng: Rng | None = None) -> dict[str, Tensor]:
    """What the network sees of each record; noise 0 without `rng`."""
    import torch

    spread = [rows.present[:, [i]].float().expand(-1, at.stop - at.start) for i, at in enumerate(rows.space.blocks.values())]
    noise = torch.zeros_like(rows.z) if rng is None else torch.randn(rows.z.shape, generator=rng)
    return {"z": rows.z, "present": torch.cat(spread, 1), "label": one_hot(rows.space, rows.condition), "noise": noise}


def one_hot(space: Space, condition: Tensor) -> Tensor:
    """The label, the first condition, as [n, k] float32."""
    from torch.nn import functional as F

    return F.one_hot(condition[:, 0].long(), classes(space)).float()


def classes(space: Space) -> int:
    """Of the label; a flag has two."""
    return max(2, space.condition[0].width)


def _losses(net: nn.Module, rows: Mapping[str, Tensor]) -> Tensor:
    losses: Tensor = net(rows)
    return losses


def _state(net: nn.Module) -> State:
    return {f"{PREFIX}{key}": value.detach().clone() for key, value in net.state_dict().items()}
