"""Encoder without training for all five kinds: public readings make the vector, so encoding costs no privacy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from torch.nn import functional as F

from fpmg_bench.devices import CPU, drawn, moved
from fpmg_bench.errors import IncompatibleTrial, PluginError
from fpmg_bench.types import Charges, Text
from fpmg_plugins.encoders import dither, streams
from fpmg_plugins.encoders import public_weights as frozen_weights
from fpmg_plugins.encoders.autoencoding import Autoencoding
from fpmg_plugins.encoders.frozen import nets, readers, text
from fpmg_plugins.encoders.frozen.networks import PublicNetwork
from fpmg_plugins.encoders.pca import views as pca_views
from fpmg_plugins.encoders.picture import decoder as frozen_pixels
from fpmg_plugins.encoders.picture import pixels
from fpmg_plugins.encoders.streams import STREAM
from fpmg_plugins.encoders.text import public_reader as frozen_reading
from fpmg_plugins.encoders.text import vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import ModalityData, Rng, Schema, SiloContext, State, Update

PIECE = 3  # characters that a token of the vocabulary stands for, at least
PICTURES = ("image", "video")
NETWORK, WEIGHTS = "frozen/network", "frozen/weights"


class Frozen(Autoencoding):
    """Pictures: low frequencies of a cosine transform. Series: levels, times, gaps and slow waves. Tables: one number a column.

    Texts: a sketch of the findings said. `backbone` gives half of the dimensions to a public network: a timm name for pictures
    (with `weights` as in timm-ae), a transformers directory or hub name for texts; that half is for generators and classifiers,
    it does not decode by itself. decoder public: the way back is algebra, nothing is learnt or charged, and a text comes back
    as a list of its findings; trained: a small decoder learns from patients in steps that are charged, and starts from there.
    dim: of the vectors (a table comes back exactly if it has no more columns; a text of 7 findings wants 48); side: working size
    of pictures. Of trained decoders, width: channels; similarity, texture: as in cnn-ae; tokens: longest text; proximal: FedProx mu.
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
        similarity: Annotated[float, Ge(0), Le(1)] = 0.5,
        texture: Annotated[float, Ge(0), Le(1)] = 0.0,
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
        self.similarity = similarity
        self.texture = texture
        self.lr = lr
        self.proximal = proximal

    def fingerprint(self) -> str:
        """The content of the public network."""
        found = (frozen_weights.fingerprint(self.weights), frozen_reading.fingerprint(self.backbone))
        return "+".join(part for part in found if part)

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
        head = self._reader(schema).head(self._own, rng)
        if self.backbone:
            network, rest = self._public_network(schema), self.dim - self._own
            wide = drawn((network.width, min(rest, network.width)), rng, torch.zeros((), dtype=torch.float64))
            basis = F.pad(torch.linalg.qr(wide).Q.float(), (0, max(0, rest - network.width)))
            head |= {NETWORK: basis, WEIGHTS: network.digest()}
        return head if self.decoder == "public" else head | super().init(schema, stats, rng)

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        if self.decoder == "public":
            raise PluginError("frozen with a public decoder is not trained: its `rounds` are 0")
        return super().train(state, shard, ctx)

    def encode(self, schema: Schema, state: State, data: Any, device: str = CPU) -> Tensor:
        """Algebra in float64 on the CPU; the device reads with the public network, where there is one."""
        parts = [torch.zeros(0, self.dim)]
        for start in range(0, len(data), STREAM):
            rows = np.arange(start, min(start + STREAM, len(data)))
            parts.append(self._vectors(schema, state, data.take(rows), device))
        return torch.cat(parts)

    def decode(self, schema: Schema, state: State, z: Tensor, device: str = CPU) -> ModalityData:
        """The way back of a public reading is algebra on the CPU; a trained decoder computes on the device."""
        z = z.float()
        if self.decoder == "public":
            return self._public(schema, state, z)
        network = self._restored(schema, state, device).eval().requires_grad_(False)
        assert isinstance(network, nets.Learnt)
        if schema.kind in PICTURES:
            return pixels.decoded(schema, len(z), lambda part: self._outputs(schema, state, network, z[part], device)["pixels"])
        return self._finished(schema, state, network, z, device)

    def _outputs(self, schema: Schema, state: State, network: nets.Learnt, z: Tensor, device: str) -> dict[str, Tensor]:
        return moved(network.finish(z.to(device), self._known(schema, state, z).to(device)), CPU)

    def _finished(self, schema: Schema, state: State, network: nets.Learnt, z: Tensor, device: str) -> ModalityData:
        def records(chunk: Tensor) -> ModalityData:
            outputs = self._outputs(schema, state, network, chunk, device)
            return self.records(schema, state, outputs | {"phase": dither.phase(chunk)})

        return streams.decoded(z, records)

    def network(self, schema: Schema) -> nets.Learnt:
        if schema.kind == "text":
            return nets.Writing(self._length(schema), self.dim)
        if schema.kind in PICTURES:
            look = frozen_pixels.Look(self.similarity, self.texture)
            return nets.Drawing(schema, self._side(schema), self.dim, self.width, look)
        return nets.Filling(schema, self.dim)

    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        """The vectors, what is known of the records from them, and the records."""
        z = self.encode(schema, state, data)
        batch = {"z": z, "known": torch.cat([self._known(schema, state, part) for part in torch.split(z, STREAM)])}
        if schema.kind == "text":
            return batch | {"tokens": torch.from_numpy(vocabulary.encode(data.strings, self._length(schema)))}
        if schema.kind in PICTURES:
            return batch | {"pixels": pixels.reduced(schema, data, self._side(schema))}
        return batch | {"rows": torch.from_numpy(pca_views.view(schema).rows(data)).float()}

    def _known(self, schema: Schema, state: State, z: Tensor) -> Tensor:
        """What the public way back says, in the decoder's own terms."""
        if schema.kind == "text":
            return text.bags(state, z[:, : self._own]).to(torch.uint8)
        if schema.kind == "series":  # before gaps are cut into it
            return readers.rows_of(state, z[:, : self._own]).clamp(0, 1)
        if schema.kind in PICTURES:
            drawn = readers.PixelReader(schema, self._side(schema)).picture(state, z[:, : self._own])
            return (drawn * pixels.SPREAD + pixels.CENTRE).round().to(torch.uint8)
        return torch.from_numpy(pca_views.view(schema).rows(self._public(schema, state, z))).float()

    def _public(self, schema: Schema, state: State, z: Tensor) -> ModalityData:
        reader, own = self._reader(schema), z[:, : self._own]
        if schema.kind in PICTURES:
            return reader.back(state, own)
        return streams.decoded(own, lambda chunk: reader.back(state, chunk))

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> ModalityData:
        """Texts, tables and series; pictures are drawn when they are read."""
        if schema.kind == "text":
            return Text(tuple(vocabulary.decode(row)[: schema.shape[0]].rstrip() for row in outputs["tokens"].tolist()))
        seen = dither.seen(outputs["masks"].sigmoid(), outputs["phase"])
        values = outputs["values"].clamp(0, 1).double().numpy()
        return pca_views.view(schema).back(values, seen.numpy(), outputs["rest"].double().numpy())

    @property
    def _own(self) -> int:
        """Dimensions of the reading that decodes; the others are the network's."""
        return self.dim - self.dim // 2 if self.backbone else self.dim

    def _vectors(self, schema: Schema, state: State, data: Any, device: str) -> Tensor:
        z = readers.vectors(state, self._reader(schema).rows(data))
        if not self.backbone:
            return z
        network = self._public_network(schema)
        if not torch.equal(state[WEIGHTS], network.digest()):
            raise PluginError(f"the weights of {self.backbone} are not those of this state", "use the same weights as in `init`")
        said = network.features(data, device).double() @ state[NETWORK].double()
        return torch.cat([z, said.float()], dim=1)

    def _side(self, schema: Schema) -> int:
        """Working size of pictures, no larger than they ask for."""
        if schema.kind not in PICTURES:
            return self.side
        return min(self.side, next((side for side in (32, 64) if max(schema.shape[-2:]) <= side), 128))

    def _reader(self, schema: Schema) -> readers.Reader:
        return readers.reader(schema, self._side(schema))

    def _public_network(self, schema: Schema) -> PublicNetwork:
        return PublicNetwork(schema, self.backbone, self.weights, self._side(schema))

    def _length(self, schema: Schema) -> int:
        return max(4, min(self.tokens, schema.shape[0] // PIECE + 1))


def _readable(schema: Schema, backbone: str) -> None:
    if backbone and schema.kind in ("table", "series"):
        raise IncompatibleTrial(f"frozen: no public network reads a {schema.kind}", "leave `backbone` out for this modality")
