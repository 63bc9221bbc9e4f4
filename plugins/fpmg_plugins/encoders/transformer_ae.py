"""Transformer autoencoder of irregular series and short texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le

from fpmg_bench.types import Charges, Text
from fpmg_plugins.encoders import dither, quantiles, series_grid, vocabulary
from fpmg_plugins.encoders.autoencoding import Autoencoding, Coder
from fpmg_plugins.encoders.series_net import SeriesCoder
from fpmg_plugins.encoders.text_net import TextCoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import ModalityData, Schema, Series, SiloContext, State

PIECE = 3  # characters that a token of the vocabulary stands for, at least, in English


class TransformerAe(Autoencoding):
    """BERT encoder layers of transformers read a series or a text; vectors decode back in one pass or token by token.

    Series values and times become quantile scores (one charged count over public bins). Text is lower-cased and cut into at most
    `tokens` pieces of a public vocabulary: nothing about words is learnt from patients outside the steps.
    dim: of the vectors; width, layers, heads: of the encoder layers; proximal: FedProx mu.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"series", "text"})

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 32,
        width: Literal[32, 48, 64, 96, 128] = 48,
        layers: Annotated[int, Ge(1), Le(4)] = 1,
        heads: Literal[1, 2, 4] = 2,
        tokens: Annotated[int, Ge(4), Le(64)] = 24,
        lr: Annotated[float, Gt(0)] = 3e-3,
        proximal: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self.dim = dim
        self.width = width
        self.layers = layers
        self.heads = heads
        self.tokens = tokens
        self.lr = lr
        self.proximal = proximal

    def charges(self, schema: Schema, steps: int) -> Charges:
        return Charges(private_steps=steps, counts=int(schema.kind == "series"))

    def statistics(self, schema: Schema, shard: Shard, ctx: SiloContext) -> State:
        if schema.kind == "text":
            return {}
        clip = float(np.sqrt(len(schema.columns) + 1))  # a record's bins sum to 1 in each channel and in time
        return {"counts/bins": shard.counts(lambda rows: _histogram(schema, rows), clip)}

    def frozen(self, schema: Schema, stats: State) -> State:
        if schema.kind == "text":
            return {}
        return {"frozen/distribution": quantiles.distribution(stats["counts/bins"], len(schema.columns) + 1)}

    def network(self, schema: Schema) -> Coder:
        if schema.kind == "text":
            return TextCoder(self._length(schema), len(vocabulary.pieces()), self.dim, self.width, self.layers, self.heads)
        return SeriesCoder(schema.shape[0], len(schema.columns), self.dim, self.width, self.layers, self.heads)

    def features(self, schema: Schema, state: State, data: Any) -> dict[str, Tensor]:
        if schema.kind == "text":
            return {"tokens": torch.from_numpy(vocabulary.encode(data.strings, self._length(schema)))}
        return _scores(schema, state["frozen/distribution"], data)

    def records(self, schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> ModalityData:
        if schema.kind == "text":
            strings = (vocabulary.decode(row)[: schema.shape[0]].rstrip() for row in outputs["tokens"].tolist())
            return Text(tuple(strings))
        return _series(schema, state["frozen/distribution"], outputs)

    def _length(self, schema: Schema) -> int:
        return max(4, min(self.tokens, schema.shape[0] // PIECE + 1))


def _histogram(schema: Schema, data: Series) -> Tensor:
    values, times = series_grid.places(schema, data)
    columns = (*schema.columns, series_grid.TIME)
    return quantiles.histogram(columns, np.concatenate([values, times[:, :, None]], axis=2))


def _scores(schema: Schema, cdf: Tensor, data: Series) -> dict[str, Tensor]:
    values, times = series_grid.places(schema, data)
    return {
        "scores": torch.from_numpy(quantiles.standardise(schema.columns, cdf, values)),
        "seen": torch.from_numpy((~np.isnan(values)).astype(np.float32)),
        "times": torch.from_numpy(quantiles.standardise((series_grid.TIME,), cdf[-1:], times[:, :, None])[:, :, 0]),
    }


def _series(schema: Schema, cdf: Tensor, outputs: Mapping[str, Tensor]) -> Series:
    values = quantiles.restore(schema.columns, cdf, outputs["scores"].double().numpy())
    times = quantiles.restore((series_grid.TIME,), cdf[-1:], outputs["times"].double().numpy()[:, :, None])[:, :, 0]
    there = outputs["there"].sigmoid()
    seen = dither.seen(there.flatten(1), outputs["phase"]).reshape(there.shape)
    return series_grid.series(schema, values, times, seen.numpy())
