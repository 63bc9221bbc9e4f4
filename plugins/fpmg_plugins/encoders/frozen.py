"""Encoder without training for all five kinds: public readings make the vector, so encoding costs no privacy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le

from fpmg_bench.errors import IncompatibleTrial, PluginError
from fpmg_bench.types import Charges, Text
from fpmg_plugins.encoders import dither, frozen_nets, frozen_networks, frozen_readers, pca_views, pixels, vocabulary
from fpmg_plugins.encoders.autoencoding import STREAM, Autoencoding, Coder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import ModalityData, Rng, Schema, SiloContext, State, Update

PIECE = 3  # characters that a token of the vocabulary stands for, at least
NETWORK, WEIGHTS = "frozen/network", "frozen/weights"


class Frozen(Autoencoding):
    """Pictures: low frequencies of a cosine transform. Series: levels, times, gaps and slow waves. Tables: one number a column.

    Texts: a sketch of the findings said. `backbone` gives half of the dimensions to a public network: a timm name for pictures
    (with `weights` as in timm-ae), a transformers directory or hub name for texts; that half is for generators and classifiers,
    it does not decode by itself. decoder public: the way back is algebra, nothing is learnt or charged, and a text comes back
    as a list of its findings; trained: a small decoder learns from patients in steps that are charged.
    dim: of the vectors (a table comes back exactly if it has as many); side: working size of pictures; width: of the trained
    picture decoder; tokens: longest text of the trained writer; proximal: FedProx mu.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"table", "series", "text", "image", "video"})

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 32,
        decoder: Literal["public", "trained"] = "public",
        backbone: str = "",
        weights: str = "",
        side: Literal[32, 64, 128] = 64,
        width: Literal[8, 12, 16, 24, 32] = 16,
        tokens: Annotated[int, Ge(4), Le(128)] = 48,
        lr: Annotated[float, Gt(0)] = 3e-3,
        proximal: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.dim = dim
        self.decoder = decoder
        self.backbone = backbone
        self.weights = weights
        self.side = side
        self.width = width
        self.tokens = tokens
        self.lr = lr
        self.proximal = proximal

    @property
    def rounds(self) -> int | None:
        """No round where nothing is trained."""
        return 0 if self.decoder == "public" else None

    def charges(self, schema: Schema, steps: int) -> Charges:
        _readable(schema, self.backbone)
        return Charges() if self.decoder == "public" else Charges(private_steps=steps)

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        """The head, from the schema and the seed alone; under "frozen/", so it never travels. And the decoder, if it is trained."""
        _readable(schema, self.backbone)
        head = frozen_readers.reader(schema, self.side).head(self._own, rng)
        if self.backbone:
            width = frozen_networks.width(schema, self.backbone, self.weights, self.side)
            wide = torch.randn(width, self.dim - self._own, generator=rng, dtype=torch.float64)
            head |= {
                NETWORK: torch.linalg.qr(wide).Q.float(),
                WEIGHTS: frozen_networks.digest(schema, self.backbone, self.weights, self.side),
            }
        return head if self.decoder == "public" else head | super().init(schema, stats, rng)

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        if self.decoder == "public":
            raise PluginError("frozen with a public decoder is not trained: its `rounds` are 0")
        return super().train(state, shard, ctx)

    def encode(self, schema: Schema, state: State, data: Any) -> Tensor:
        parts = [torch.zeros(0, self.dim)]
        for start in range(0, len(data), STREAM):
            parts.append(self._vectors(schema, state, data.take(np.arange(start, min(start + STREAM, len(data))))))
        return torch.cat(parts)

    def decode(self, schema: Schema, state: State, z: Tensor) -> ModalityData:
        if self.decoder == "trained":
            return super().decode(schema, state, z)
        return frozen_readers.reader(schema, self.side).back(state, z[:, : self._own].float())

    def network(self, schema: Schema) -> Coder:
        if schema.kind == "text":
            return frozen_nets.Writing(self._length(schema), self.dim)
        if schema.kind in ("image", "video"):
            return frozen_nets.Drawing(schema, self.side, self.dim, self.width)
        return frozen_nets.Filling(schema, self.dim)

    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        """The vectors, and what is to come back from them."""
        z = self._vectors(schema, state, data)
        if schema.kind == "text":
            return {"z": z, "tokens": torch.from_numpy(vocabulary.encode(data.strings, self._length(schema)))}
        if schema.kind in ("image", "video"):
            return {"z": z, "pixels": pixels.reduced(schema, data, self.side)}
        return {"z": z, "rows": torch.from_numpy(pca_views.view(schema).rows(data)).float()}

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> ModalityData:
        if schema.kind == "text":
            return Text(tuple(vocabulary.decode(row)[: schema.shape[0]].rstrip() for row in outputs["tokens"].tolist()))
        if schema.kind in ("image", "video"):
            return pixels.enlarged(schema, outputs["pixels"])
        seen = dither.seen(outputs["masks"].sigmoid(), outputs["phase"])
        values = outputs["values"].clamp(0, 1).double().numpy()
        return pca_views.view(schema).back(values, seen.numpy(), outputs["rest"].double().numpy())

    @property
    def _own(self) -> int:
        """Dimensions of the reading that decodes; the others are the network's."""
        return self.dim - self.dim // 2 if self.backbone else self.dim

    def _vectors(self, schema: Schema, state: State, data: Any) -> Tensor:
        z = frozen_readers.vectors(state, frozen_readers.reader(schema, self.side).rows(data))
        if not self.backbone:
            return z
        if not torch.equal(state[WEIGHTS], frozen_networks.digest(schema, self.backbone, self.weights, self.side)):
            raise PluginError(f"the weights of {self.backbone} are not those of this state", "use the same weights as in `init`")
        said = frozen_networks.features(schema, data, self.backbone, self.weights, self.side)
        return torch.cat([z, said @ state[NETWORK]], dim=1)

    def _length(self, schema: Schema) -> int:
        return max(4, min(self.tokens, schema.shape[0] // PIECE + 1))


def _readable(schema: Schema, backbone: str) -> None:
    if backbone and schema.kind in ("table", "series"):
        raise IncompatibleTrial(f"frozen: no public network reads a {schema.kind}", "leave `backbone` out for this modality")
