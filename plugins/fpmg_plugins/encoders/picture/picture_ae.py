"""What the encoders of images and videos share: reading at a working size, decoding in streams, one loss."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from fpmg_bench.devices import CPU
from fpmg_bench.types import Charges, Pixels
from fpmg_plugins import training
from fpmg_plugins.encoders.autoencoding import MODULE, Autoencoding
from fpmg_plugins.encoders.picture import copies, pixels
from fpmg_plugins.encoders.picture import start as picture_start
from fpmg_plugins.encoders.picture.net import Aim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, Schema, SiloContext, State
    from fpmg_plugins.encoders.picture.net import PictureCoder


class PictureAe(Autoencoding):
    """Works at side x side whatever the size in the schema; a video keeps up to 8 frames."""

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "video"})
    side: int
    similarity: float
    texture: float
    augment: bool
    detail: float
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
            mean, second = picture_start.moments(stats)
            small = min(self.side, picture_start.LARGEST)
            network.begin(*(copies.of_copies(mean, second, small, mirror=False) if self.augment else (mean, second)))
        return training.state_of(network, MODULE)

    def aim(self) -> Aim:
        """What training is to reach."""
        return Aim(self.similarity, self.texture, self.augment, self.detail)

    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        return {"pixels": pixels.reduced(schema, data, self.side)}

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Pixels:
        return pixels.enlarged(schema, outputs["pixels"])

    def decode(self, schema: Schema, state: State, z: Tensor, device: str = CPU) -> Pixels:
        """Pixels that hold the vectors; drawn at once only where the result is small."""
        network, vectors = self._restored(schema, state, device).eval(), z.float()

        def values(rows: slice) -> Tensor:
            with torch.no_grad():
                return network.decode(vectors[rows].to(device))["pixels"].to(CPU)

        return pixels.decoded(schema, len(z), values)
