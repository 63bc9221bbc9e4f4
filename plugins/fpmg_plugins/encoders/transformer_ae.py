"""Transformer autoencoder of irregular series and texts: one name, two parts (`series_ae`, `text_ae`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from fpmg_bench.types import Charges, Update
from fpmg_plugins.encoders.autoencoding import MODULE, Autoencoding, Coder
from fpmg_plugins.encoders.series import series_ae
from fpmg_plugins.encoders.text import public_reader as frozen_reading
from fpmg_plugins.encoders.text import text_ae

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import ModalityData, Rng, Schema, SiloContext, State


class TransformerAe(Autoencoding):
    """BERT encoder layers of transformers read a series or a text; vectors decode back in one pass or word by word.

    Series start from a linear code that one exchange of moments gives (under privacy from a public one, with one charged count).
    Texts of any script, upper and lower case: silos exchange how many patients' texts have each word and each sequence of two to
    four words (hashed, 1.4 MB a silo, five charged counts); what fewer than `least` patients of a silo have does not travel. A vector holds
    the findings of the public list, the 512 commonest other words and the length; it is written by following frequent sequences.
    dim: of the vectors; width, layers, heads: of the encoder layers; proximal: FedProx mu. Of texts alone: tokens, words that the layers
    read and that are written, at most (how many patients' texts are longer stands beside the losses as "cut"); phrases "public": nothing is exchanged or
    charged, and a text comes back as a list of its findings (for privacy); start "moments", where the findings' principal components
    are exchanged once (poor under privacy, where "public", a random projection, costs nothing); and pretrained, a folder,
    installed package or hub name of a transformers model that reads, frozen, in place of the layers.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"series", "text"})

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 32,
        width: Literal[32, 48, 64, 96, 128] = 48,
        layers: Annotated[int, Ge(1), Le(4)] = 1,
        heads: Literal[1, 2, 4] = 2,
        tokens: Annotated[int, Ge(4), Le(1024)] = 512,
        phrases: Literal["exchanged", "public"] = "exchanged",
        least: Annotated[int, Ge(1)] = 3,
        start: Literal["public", "moments"] = "public",
        pretrained: str = "",
        lr: Annotated[float, Gt(0)] = 3e-3,
        proximal: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.dim = dim
        self.width = width
        self.layers = layers
        self.heads = heads
        self.tokens = tokens
        self.phrases = phrases
        self.least = least
        self.start = start
        self.pretrained = pretrained
        self.lr = lr
        self.proximal = proximal

    def fingerprint(self) -> str:
        """The content of the public reader."""
        return frozen_reading.fingerprint(self.pretrained)

    def charges(self, schema: Schema, steps: int) -> Charges:
        if schema.kind == "text":
            counts = text_ae.COUNTS if self.phrases == "exchanged" else 0
            return Charges(private_steps=steps, moments=int(self.start == "moments"), counts=counts)
        return Charges(private_steps=steps, counts=1)

    def statistics(self, schema: Schema, shard: Shard, ctx: SiloContext) -> State:
        if schema.kind == "text":
            return text_ae.statistics(self, shard)
        return series_ae.statistics(schema, shard, ctx)

    def frozen(self, schema: Schema, stats: State) -> State:
        return text_ae.frozen(self, stats) if schema.kind == "text" else series_ae.frozen(schema, stats, self.dim)

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        state = super().init(schema, stats, rng)
        if schema.kind == "series":
            return series_ae.started(schema, state)
        return text_ae.started(state, stats, MODULE)

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        """Beside the loss "cut": how many patients of the federation have a text of more than `tokens` words, where any have."""
        update, cut = super().train(state, shard, ctx), float(state[text_ae.CUT]) if text_ae.CUT in state else 0.0
        return replace(update, losses={**update.losses, "cut": cut}) if cut else update

    def network(self, schema: Schema) -> Coder:
        return text_ae.network(self, schema) if schema.kind == "text" else series_ae.network(self, schema)

    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        if schema.kind == "text":
            return text_ae.features(self, schema, state, data)
        return series_ae.features(schema, state, data)

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> ModalityData:
        if schema.kind == "text":
            return text_ae.records(self, schema, state, outputs)
        return series_ae.records(schema, state, outputs)
