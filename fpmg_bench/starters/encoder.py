"""An encoder: a picture as the means of a grid of fields, and back by drawing the fields. Nothing is learnt, so nothing is charged."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional as F

from fpmg_bench.types import Charges, Pixels, Update

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, Schema, SiloContext, State


class Mine:
    """dim: of the vectors, the square of the fields a side."""

    kinds: ClassVar[frozenset[str]] = frozenset({"image"})  # of table, series, text, image, video
    rounds: int | None = 0  # it is never trained; None: as often as the suite's budget says

    def __init__(self, dim: int = 64) -> None:
        self.dim = dim

    def charges(self, schema: Schema, steps: int) -> Charges:
        """How often patients are touched: what `statistics` and `train` do. The privacy ledger is calibrated to it."""
        return Charges()

    def statistics(self, schema: Schema, shard: Shard, ctx: SiloContext) -> State:
        """Sums over a silo's records (`shard.moments`, `shard.counts`), whose totals over silos reach `init`."""
        return {}

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        """The weights to start from; keys are "module/name"."""
        return {"mine/middle": torch.tensor(0.5)}

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        """`ctx.steps` calls of `shard.step`: docs/tutorial.md."""
        return Update(state, float(shard.patients))

    def encode(self, schema: Schema, state: State, data: Pixels) -> Tensor:
        """Vectors [n, dim] float32, each from its own record alone."""
        gray = torch.as_tensor(data.array()).float().mean(1, keepdim=True) / 255
        side = round(self.dim**0.5)
        return 4 * (F.adaptive_avg_pool2d(gray, side).flatten(1) - state["mine/middle"])

    def decode(self, schema: Schema, state: State, z: Tensor) -> Pixels:
        """Pictures of the schema's shape [c, h, w] from any vectors [n, dim]."""
        channels, *size = schema.shape
        side = round(self.dim**0.5)
        fields = (z.float().reshape(-1, 1, side, side) / 4 + state["mine/middle"]).clamp(0, 1)
        drawn = F.interpolate(fields, size=tuple(size), mode="bilinear", align_corners=False)
        return Pixels.of((255 * drawn).round().byte().expand(-1, channels, -1, -1).numpy())
