"""Convolutional autoencoder of images and videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Le

from fpmg_plugins.encoders.picture import pixels
from fpmg_plugins.encoders.picture.net import ConvCoder, PlainCoder
from fpmg_plugins.encoders.picture.picture_ae import PictureAe

if TYPE_CHECKING:
    from fpmg_bench.types import Schema
    from fpmg_plugins.encoders.picture.net import PictureCoder


class CnnAe(PictureAe):
    """Works at side x side whatever the size in the schema; a video keeps up to 8 frames, mixed as channels.

    dim: of the vectors; width: channels of the first layer, a multiple of 4; side: working size; net: "plain" is small and quick,
    "fine" repairs a linear picture by convolutions; similarity: share of 1 - SSIM in the loss (the rest is squared error);
    texture: share of the local detail's energy up to which grain is added to decoded pictures (0: none); augment: learn from
    moved copies (not under privacy, where a record's gradient may not vary); detail: weight in the loss of the power that decoded
    detail lacks from 6 and from 10 cycles a picture on; start: "moments" begins the linear path of "fine"
    at principal components (one charged exchange of at most 4 MB a colour and silo); proximal: FedProx mu.
    """

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 32,
        width: Literal[8, 12, 16, 24, 32] = 12,
        side: Literal[16, 32, 64] = 32,
        net: Literal["plain", "fine"] = "plain",
        similarity: Annotated[float, Ge(0), Le(1)] = 0.0,
        texture: Annotated[float, Ge(0), Le(1)] = 0.0,
        augment: bool = True,
        detail: Annotated[float, Ge(0)] = 0.0,
        start: Literal["random", "moments"] = "random",
        lr: Annotated[float, Gt(0)] = 3e-3,
        proximal: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.dim = dim
        self.width = width
        self.side = side
        self.net = net
        self.similarity = similarity
        self.texture = texture
        self.augment = augment
        self.detail = detail
        self.start = start
        self.lr = lr
        self.proximal = proximal

    def begins(self) -> bool:
        """Only "fine" has a linear path of whole pictures."""
        return self.net == "fine" and super().begins()

    def network(self, schema: Schema) -> PictureCoder:
        channels, colours = pixels.channels(schema), schema.shape[-3]
        if self.net == "fine":
            return ConvCoder(channels // colours, colours, self.side, self.dim, self.width, self.aim())
        return PlainCoder(channels, self.side, self.dim, self.width, self.aim())
