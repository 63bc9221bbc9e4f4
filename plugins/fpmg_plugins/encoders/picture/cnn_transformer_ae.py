"""Convolutional transformer autoencoder of images and videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Le

from fpmg_plugins.encoders.picture import pixels
from fpmg_plugins.encoders.picture.picture_ae import PictureAe
from fpmg_plugins.encoders.picture.transformer import TransformerCoder

if TYPE_CHECKING:
    from fpmg_bench.types import Schema


class CnnTransformerAe(PictureAe):
    """A convolutional stem reads each frame, BERT encoder layers relate its places (and, in a video, the frames in time).

    Works at side x side whatever the size in the schema; a video keeps up to 8 frames. dim: of the vectors; width: channels of
    the first layer, the encoder layers have four times as many; similarity: share of 1 - SSIM in the loss (the rest is squared
    error); texture: share of the local detail's energy up to which grain is added to decoded pictures (0: none); augment: learn
    from moved copies (not under privacy, where a record's gradient may not vary); detail: weight in the loss of the power that
    decoded detail lacks from 6 and from 10 cycles a picture on; start: "moments" begins the linear path at
    principal components (one charged exchange of at most 4 MB a colour and silo); proximal: FedProx mu.
    """

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 32,
        width: Literal[8, 12, 16, 24] = 8,
        side: Literal[16, 32, 64] = 32,
        layers: Annotated[int, Ge(1), Le(4)] = 1,
        heads: Literal[1, 2, 4] = 2,
        similarity: Annotated[float, Ge(0), Le(1)] = 0.5,
        texture: Annotated[float, Ge(0), Le(1)] = 0.0,
        augment: bool = True,
        detail: Annotated[float, Ge(0)] = 0.0,
        start: Literal["random", "moments"] = "random",
        lr: Annotated[float, Gt(0)] = 2e-3,
        proximal: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.dim = dim
        self.width = width
        self.side = side
        self.layers = layers
        self.heads = heads
        self.similarity = similarity
        self.texture = texture
        self.augment = augment
        self.detail = detail
        self.start = start
        self.lr = lr
        self.proximal = proximal

    def network(self, schema: Schema) -> TransformerCoder:
        colours = schema.shape[-3]
        frames = pixels.channels(schema) // colours
        return TransformerCoder(frames, colours, self.side, self.dim, self.width, self.layers, self.heads, self.aim())
