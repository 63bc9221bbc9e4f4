"""Autoencoder of images and videos whose encoder is any timm network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le
from torch import nn
from torch.nn import functional as F

from fpmg_bench.devices import CPU
from fpmg_bench.errors import PluginError, PrivacyError
from fpmg_plugins.encoders import public_weights as frozen_weights
from fpmg_plugins.encoders.autoencoding import Autoencoding, Bottleneck, Coder
from fpmg_plugins.encoders.picture import pixels, timm_backbone
from fpmg_plugins.encoders.picture.decoder import Look, PixelDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Pixels, Rng, Schema, SiloContext, State, Update
    from fpmg_plugins.encoders.picture.timm_backbone import Backbone

SEEN = 16  # side of the picture that the head reads beside the features
WEIGHTS = "frozen/weights"  # digest of the frozen network


class TimmCoder(Coder):
    """A network's features and a 16 x 16 picture, one linear head, and a decoder.

    batch: pixels uint8 [n, channels, side, side] and, where the network is frozen (`backbone` None), its features [n, width].
    The loss is that of the decoder, and `recall` times the squared error of a frozen network's features told from the vector:
    without it the head keeps what draws best and drops what the network knows.
    """

    def __init__(
        self, schema: Schema, decoder: PixelDecoder, dim: int, features: int, backbone: Backbone | None, recall: float
    ) -> None:
        super().__init__()
        self.colours = schema.shape[-3]
        self.backbone = backbone
        self.bottleneck = Bottleneck(features + pixels.channels(schema) * SEEN**2, dim)
        self.decoder = decoder
        self.recall = recall
        self.says = nn.Linear(dim, features) if backbone is None and recall > 0 else None

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        small = F.adaptive_avg_pool2d(pixels.scaled(batch["pixels"]), SEEN).flatten(1)
        z: Tensor = self.bottleneck(torch.cat([self._features(batch), small], dim=1))
        return z

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        return {"pixels": self.decoder.finished(z)}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        z = self.encode(batch)
        drawn = self.decoder.losses(z, pixels.scaled(batch["pixels"]))
        return drawn if self.says is None else drawn + self.recall * (self.says(z) - batch["features"]).square().mean(1)

    def _features(self, batch: Mapping[str, Tensor]) -> Tensor:
        if self.backbone is None:
            return batch["features"]
        return timm_backbone.summary(self.backbone(frames(batch["pixels"], self.colours)), len(batch["pixels"]))


def frames(raw: Tensor, colours: int) -> Tensor:
    """uint8 [n, frames * colours, side, side] to single pictures [n * frames, colours, side, side], brightness 0 to 1."""
    return raw.reshape(-1, colours, *raw.shape[-2:]).float() / 255


class TimmAe(Autoencoding):
    """A timm network reads (each frame of a video), a linear head makes the vector, a small decoder draws.

    backbone: a name of timm; weights: "" for none, a state dict (.safetensors, .pth), an installed package that carries one, or
    hub for timm's own; train_backbone: null trains where there are no weights. A frozen network is read once a record and never
    travels; a trained one gets group instead of batch normalisation. dim: of the vectors; width: channels of the decoder; side:
    working size; recall: weight of a frozen network's features in the loss; similarity, texture: as in cnn-ae; proximal: FedProx mu.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"image", "video"})

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 32,
        backbone: str = "lcnet_035",
        weights: str = "",
        train_backbone: bool | None = None,
        width: Literal[8, 12, 16, 24, 32] = 16,
        side: Literal[32, 64, 128, 256] = 64,
        recall: Annotated[float, Ge(0)] = 1.0,
        similarity: Annotated[float, Ge(0), Le(1)] = 0.5,
        texture: Annotated[float, Ge(0), Le(1)] = 0.0,
        lr: Annotated[float, Gt(0)] = 3e-3,
        proximal: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.dim = dim
        self.backbone = backbone
        self.weights = weights
        self.train_backbone = train_backbone
        self.width = width
        self.side = side
        self.recall = recall
        self.similarity = similarity
        self.texture = texture
        self.lr = lr
        self.proximal = proximal

    @property
    def trains(self) -> bool:
        """Is the backbone trained with the rest?"""
        return not self.weights if self.train_backbone is None else self.train_backbone

    def fingerprint(self) -> str:
        """The content of the weights."""
        return frozen_weights.fingerprint(self.weights)

    def network(self, schema: Schema) -> TimmCoder:
        make = timm_backbone.trainable if self.trains else timm_backbone.frozen
        backbone = make(self.backbone, self.weights, schema.shape[-3], self.side)
        features = backbone.width * (1 if _frames(schema) == 1 else 2)
        decoder = PixelDecoder(pixels.channels(schema), self.side, self.dim, self.width, Look(self.similarity, self.texture))
        return TimmCoder(schema, decoder, self.dim, features, backbone if self.trains else None, self.recall)

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        state = super().init(schema, stats, rng)
        return state if self.trains else state | {WEIGHTS: timm_backbone.digest(self._frozen(schema))}

    def not_private(self, schema: Schema) -> str:
        """Why DP-SGD cannot train it on these records; empty where it can."""
        if not self.trains or _frames(schema) == 1:
            return ""
        return "a network trained on the frames of a video clips frames, not patients; write train_backbone: false, or use cnn-ae"

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        if shard.private and self.not_private(ctx.schema):
            raise PrivacyError(f"timm-ae: {self.not_private(ctx.schema)}")
        return super().train(state, shard, ctx)

    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        small = pixels.reduced(schema, data, self.side)
        if self.trains:
            return {"pixels": small}
        backbone = self._frozen(schema)
        if not torch.equal(state[WEIGHTS], timm_backbone.digest(backbone)):
            raise PluginError(
                f"the weights of {self.backbone} ({self.weights or 'random'}) are not those this encoder was trained with",
                frozen_weights.WAYS,
            )
        singles = small.reshape(-1, schema.shape[-3], self.side, self.side)
        return {"pixels": small, "features": timm_backbone.summary(timm_backbone.read(backbone, singles), len(small))}

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Pixels:
        return pixels.enlarged(schema, outputs["pixels"])

    def decode(self, schema: Schema, state: State, z: Tensor, device: str = CPU) -> Pixels:
        network, z = self._restored(schema, state, device).eval().requires_grad_(False), z.float()
        return pixels.decoded(schema, len(z), lambda part: network.decode(z[part].to(device))["pixels"].to(CPU))

    def _frozen(self, schema: Schema) -> Backbone:
        return timm_backbone.frozen(self.backbone, self.weights, schema.shape[-3], self.side)


def _frames(schema: Schema) -> int:
    return pixels.channels(schema) // schema.shape[-3]
