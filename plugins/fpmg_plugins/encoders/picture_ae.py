"""What the encoders of images and videos share: reading at a working size, decoding in streams, one loss."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from fpmg_bench.types import Charges, Pixels
from fpmg_plugins import training
from fpmg_plugins.encoders import picture_start, pixels
from fpmg_plugins.encoders.autoencoding import MODULE, Autoencoding
from fpmg_plugins.encoders.picture_net import Aim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, Schema, SiloContext, State
    from fpmg_plugins.encoders.autoencoding import Coder
    from fpmg_plugins.encoders.picture_net import PictureCoder

BLOCK = 64  # records decoded at once
KEPT_BYTES = 64 * 2**20  # decoded pictures up to this size stay in memory; more are decoded whenever they are read


class PictureAe(Autoencoding):
    """Works at side x side whatever the size in the schema; a video keeps up to 8 frames."""

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "video"})
    side: int
    similarity: float
    texture: float
    augment: bool
    start: Literal["random", "moments"]

    @abstractmethod
    def network(self, schema: Schema) -> PictureCoder: ...

    def begins(self) -> bool:
        """Does the network start from moments?"""
        return self.start == "moments"

    def charges(self, schema: Schema, steps: int) -> Charges:
        return Charges(private_steps=steps, moments=int(self.begins()))

    def statistics(self, schema: Schema, shard: Shard, ctx: SiloContext) -> State:
        return picture_start.statistics(schema, shard, self.side) if self.begins() else {}

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        network = training.seeded(lambda: self.network(schema), rng)
        if stats:
            network.begin(*picture_start.moments(stats))
        return training.state_of(network, MODULE)

    def aim(self) -> Aim:
        """What training is to reach."""
        return Aim(self.similarity, self.texture, self.augment)

    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        return {"pixels": pixels.reduced(schema, data, self.side)}

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Pixels:
        return pixels.enlarged(schema, outputs["pixels"])

    def decode(self, schema: Schema, state: State, z: Tensor) -> Pixels:
        """Pixels that hold the vectors; decoded at once only where the result is small."""
        network = self._restored(schema, state).eval()
        lazy = Pixels(_reader(schema, network, z.float()), np.arange(len(z)))
        return Pixels.of(lazy.array()) if len(z) * int(np.prod(schema.shape)) <= KEPT_BYTES else lazy


def _reader(schema: Schema, network: Coder, z: Tensor) -> Any:
    """rows -> uint8 arrays. Whole blocks are decoded, so that a record's bits do not depend on what is read beside it."""

    @lru_cache(maxsize=1)
    def block(at: int) -> NDArray[np.uint8]:
        with torch.no_grad():
            return pixels.enlarged(schema, network.decode(z[at * BLOCK : (at + 1) * BLOCK])["pixels"]).array()

    def read(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        out = np.empty((len(rows), *schema.shape), np.uint8)
        for at in np.unique(rows // BLOCK):
            here = np.flatnonzero(rows // BLOCK == at)
            out[here] = block(int(at))[rows[here] - at * BLOCK]
        return out

    return read
