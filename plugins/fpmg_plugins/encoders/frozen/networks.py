"""What a public network says about pictures or texts: features standardised in their own record, nothing fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.nn import functional as F

from fpmg_bench.devices import CPU
from fpmg_plugins.encoders.picture import pixels, timm_backbone
from fpmg_plugins.encoders.text import public_reader as frozen_reading

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Schema

APART = 0.6  # standard deviation between records of a feature whose record has 1, about: a convention, not fitted


@dataclass(frozen=True)
class PublicNetwork:
    """A timm network for pictures of working size `side`, or a transformers encoder for texts, as readers of one modality."""

    schema: Schema
    name: str
    weights: str
    side: int

    @property
    def width(self) -> int:
        """Columns of `features`."""
        if self.schema.kind == "text":
            return frozen_reading.width(self.name)
        one = self._backbone().width
        return one if pixels.channels(self.schema) == self.schema.shape[-3] else 2 * one

    def features(self, data: Any, device: str = CPU) -> Tensor:
        """[n, width] float32 on the CPU, of variance about 1 between records. A video: mean of frames, last minus first."""
        if self.schema.kind == "text":
            said = frozen_reading.read(self.name, data.strings, device)
            return F.layer_norm(said, said.shape[1:]) / APART
        small = pixels.reduced(self.schema, data, self.side)
        single = timm_backbone.read(self._backbone(device), small.reshape(-1, self.schema.shape[-3], self.side, self.side))
        return timm_backbone.summary(single / APART, len(small))

    def digest(self) -> Tensor:
        """int64 [1]: which weights were used."""
        return timm_backbone.digest(frozen_reading.model(self.name) if self.schema.kind == "text" else self._backbone())

    def _backbone(self, device: str = CPU) -> timm_backbone.Backbone:
        return timm_backbone.frozen(self.name, self.weights, self.schema.shape[-3], self.side, device)
