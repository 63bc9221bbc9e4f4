"""Decoders that are trained on frozen vectors: small, and the only thing of `frozen` that learns from patients."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fpmg_bench.errors import PluginError
from fpmg_plugins.encoders.autoencoding import Coder
from fpmg_plugins.encoders.pca import views as pca_views
from fpmg_plugins.encoders.picture import pixels
from fpmg_plugins.encoders.picture.decoder import PixelDecoder
from fpmg_plugins.encoders.text import vocabulary
from fpmg_plugins.encoders.text.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.types import Schema
    from fpmg_plugins.encoders.picture.decoder import Look

HIDDEN = 128
WIDTH = 64  # of the writer
VALUES = 40.0  # squared errors on scales of 0 to 1 count so much beside cross-entropies
SURE = 3.0  # logit of what the public way back says


class Learnt(Coder):
    """A decoder of frozen vectors. batch: z [n, dim], known [n, ...]: what the public way back makes of them, and the record.

    Training starts from what is known, or has it to build on: a decoder from nothing needs more steps than a small budget has.
    """

    def encode(self, batch: Mapping[str, Tensor]) -> Tensor:
        return batch["z"]

    def decode(self, z: Tensor) -> dict[str, Tensor]:
        raise PluginError("a learnt decoder of frozen vectors also needs what is known: finish(z, known)")

    @abstractmethod
    def finish(self, z: Tensor, known: Tensor) -> dict[str, Tensor]:
        """The decoder's outputs: tensors with n leading rows."""


class Drawing(Learnt):
    """Pictures. known, pixels: uint8 [n, channels, side, side]."""

    def __init__(self, schema: Schema, side: int, dim: int, width: int, look: Look) -> None:
        super().__init__()
        self.decoder = PixelDecoder(pixels.channels(schema), side, dim, width, look, known=True)

    def finish(self, z: Tensor, known: Tensor) -> dict[str, Tensor]:
        return {"pixels": self.decoder.finished(z, pixels.scaled(known))}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        return self.decoder.losses(batch["z"], pixels.scaled(batch["pixels"]), pixels.scaled(batch["known"]))


class Filling(Learnt):
    """Tables and series as the rows of `pca_views`: values, masks, and levels or times. known, rows [n, 2 k + blocks].

    The loss is the mean squared error of what was seen, the cross-entropy of the masks, and the cross-entropy of levels or the
    squared error of times.
    """

    def __init__(self, schema: Schema, dim: int) -> None:
        super().__init__()
        view = pca_views.view(schema)
        self.k, self.blocks, self.levels = view.k, view.blocks, schema.kind == "table"
        width = 2 * self.k + sum(self.blocks)
        self.deep = nn.Sequential(nn.Linear(dim, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, width))
        for silent in self.deep[-1].parameters():
            nn.init.zeros_(silent)

    def finish(self, z: Tensor, known: Tensor) -> dict[str, Tensor]:
        more, k = self.deep(z), self.k
        reported = (2 * known - 1) * SURE
        rest = reported[:, 2 * k :] + more[:, 2 * k :] if self.levels else known[:, 2 * k :] + more[:, 2 * k :] / 4
        return {"values": known[:, :k] + more[:, :k] / 4, "masks": reported[:, k : 2 * k] + more[:, k : 2 * k], "rest": rest}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        out, rows, k = self.finish(batch["z"], batch["known"]), batch["rows"], self.k
        seen = rows[:, k : 2 * k]
        losses = rows.new_zeros(len(rows))
        if k:
            missed = (seen * (out["values"] - rows[:, :k]).square()).sum(1) / seen.sum(1).clamp(min=1.0)
            gaps = F.binary_cross_entropy_with_logits(out["masks"], seen, reduction="none")
            losses = losses + VALUES * missed + gaps.mean(1)
        if not self.levels:
            return losses + VALUES * (out["rest"] - rows[:, 2 * k :]).square().mean(1)
        parts = zip(*(torch.split(each, list(self.blocks), 1) for each in (out["rest"], rows[:, 2 * k :])), strict=True)
        for said, hot in parts if self.blocks else ():
            losses = losses + F.cross_entropy(said, hot, reduction="none") / len(self.blocks)
        return losses


class Writing(Learnt):
    """Texts by the writer of `transformer-ae`, whose plan of findings is what is known. known [n, 2 k] findings; tokens int64 [n, length]."""

    def __init__(self, length: int, dim: int) -> None:
        super().__init__()
        self.writer = Writer(length, len(vocabulary.pieces()), dim, WIDTH)

    def finish(self, z: Tensor, known: Tensor) -> dict[str, Tensor]:
        return {"tokens": self.writer.write(z, _expected(known))}

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        losses: Tensor = self.writer(batch["z"], _expected(batch["known"]), batch["tokens"], self.ragged)
        return losses


def _expected(known: Tensor) -> Tensor:
    return (2.0 * known.float() - 1.0) * SURE
