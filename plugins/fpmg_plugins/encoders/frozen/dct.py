"""Pictures by their slowest cosine waves: a public code, which nothing is learnt for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Le

from fpmg_bench.errors import PluginError
from fpmg_bench.types import Charges
from fpmg_plugins.encoders.frozen import readers

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Pixels, Rng, Schema, SiloContext, State, Update

STREAM = 256  # records read at once


class Dct:
    """The `dim` lowest frequencies of a cosine transform (Ahmed et al., 1974) over height, width, and frames or colours.

    Numbers have about unit variance by a public law (energy falls with the square of frequency; Field, 1987), not by moments:
    nothing is exchanged, learnt or charged, so a picture of a training patient comes back no better than anyone else's. side:
    working size, no larger than the pictures ask for. A picture of side 64 keeps all waves of up to 9 cycles at dim 256, of up to
    6 at 128, and none of a finer grain: for that a decoder has to be taught (`frozen` with `decoder: trained`, or cnn-ae).
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "video"})
    rounds: int | None = 0

    def __init__(self, dim: Annotated[int, Ge(1), Le(4096)] = 128, side: Literal[16, 32, 64, 128] = 64) -> None:
        self.dim = dim
        self.side = side

    def charges(self, schema: Schema, steps: int) -> Charges:
        return Charges()

    def statistics(self, schema: Schema, shard: Shard, ctx: SiloContext) -> State:
        return {}

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        return self._reader(schema).head(self.dim, rng)

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        raise PluginError("dct is not trained: its `rounds` are 0")

    def encode(self, schema: Schema, state: State, data: Any) -> Tensor:
        """Algebra on the CPU."""
        reader = self._reader(schema)
        starts = range(0, len(data), STREAM)
        rows = [data.take(np.arange(start, min(start + STREAM, len(data)))) for start in starts]
        return torch.cat([torch.zeros(0, self.dim), *(readers.vectors(state, reader.rows(part)) for part in rows)])

    def decode(self, schema: Schema, state: State, z: Tensor) -> Pixels:
        return self._reader(schema).back(state, z.float())

    def _reader(self, schema: Schema) -> readers.PixelReader:
        largest = max(schema.shape[-2:])
        return readers.PixelReader(schema, min(self.side, next((side for side in (16, 32, 64) if largest <= side), 128)))
