"""A generator: class means and a spread, from one exchange of sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fpmg_bench.types import Charges, Representation, Update

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State


class Mine:
    """Vectors about their class's mean. widen: of the spread."""

    rounds: int | None = 0  # it learns nothing beyond the sums; None: `train` is called as often as the suite's budget says

    def __init__(self, widen: float = 1.0) -> None:
        self.widen = widen

    def charges(self, schema: Space, steps: int) -> Charges:
        """How often patients are touched: the privacy ledger is calibrated to it."""
        return Charges(counts=1)

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        """Sums over a silo's rows; their totals over silos reach `init`. clip: of one patient's row, what noise is measured by."""
        k = classes(schema)

        def sums(rows: Representation) -> Tensor:
            label = torch.nn.functional.one_hot(rows.condition[:, 0].long(), k).float()
            return torch.cat([label, (label[:, :, None] * rows.z[:, None]).flatten(1), rows.z**2], dim=1)

        return {"mine/sums": shard.counts(sums, clip=30.0)}

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        """The weights to start from; keys are "module/name"."""
        k = classes(schema)
        n, first, second = torch.split(stats["mine/sums"], [k, k * schema.width, schema.width])
        mean = first.reshape(k, -1) / n[:, None].clamp(min=1)
        within = (second - n @ mean**2) / n.sum().clamp(min=1)
        return {"mine/mean": mean.float(), "mine/spread": within.clamp(min=1e-6).sqrt().float()}

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        """`ctx.steps` calls of `shard.step`: docs/tutorial.md."""
        return Update(state, float(shard.patients))

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng) -> Representation:
        """One vector a row of condition [n, c]: class index, flag or number a column."""
        n = len(condition)
        noise = torch.randn(n, schema.width, generator=rng)
        z = state["mine/mean"][condition[:, 0].long()] + self.widen * state["mine/spread"] * noise
        everything = torch.ones(n, len(schema.blocks), dtype=torch.bool)  # the modalities that a record has
        return Representation(z, everything, condition, torch.arange(n), schema)


def classes(schema: Space) -> int:
    """Of the label, the first condition; a flag has two."""
    return max(len(schema.condition[0].categories), 2)
