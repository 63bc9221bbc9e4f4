"""Irregular series as quantile scores on a grid of steps: what `transformer-ae` does for the kind "series"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fpmg_plugins.encoders import dither, quantiles, series_grid
from fpmg_plugins.encoders.series_net import SeriesCoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Schema, Series, State
    from fpmg_plugins.encoders.transformer_ae import TransformerAe


def statistics(schema: Schema, shard: Shard) -> State:
    """One charged count: how often each channel and the time fall into each public bin."""
    clip = float(np.sqrt(len(schema.columns) + 1))  # a record's bins sum to 1 in each channel and in time
    return {"counts/bins": shard.counts(lambda rows: _histogram(schema, rows), clip)}


def frozen(schema: Schema, stats: State) -> State:
    """The distribution of each channel and of the time."""
    return {"frozen/distribution": quantiles.distribution(stats["counts/bins"], len(schema.columns) + 1)}


def network(settings: TransformerAe, schema: Schema) -> SeriesCoder:
    """A fresh network for the schema's steps and channels."""
    s = settings
    return SeriesCoder(schema.shape[0], len(schema.columns), s.dim, s.width, s.layers, s.heads)


def features(schema: Schema, state: State, data: Series) -> dict[str, Tensor]:
    """scores and seen [n, t, c], times [n, t]."""
    cdf = state["frozen/distribution"]
    values, times = series_grid.places(schema, data)
    return {
        "scores": torch.from_numpy(quantiles.standardise(schema.columns, cdf, values)),
        "seen": torch.from_numpy((~np.isnan(values)).astype(np.float32)),
        "times": torch.from_numpy(quantiles.standardise((series_grid.TIME,), cdf[-1:], times[:, :, None])[:, :, 0]),
    }


def records(schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Series:
    """Valid series from the decoder's scores, times and masks."""
    cdf = state["frozen/distribution"]
    values = quantiles.restore(schema.columns, cdf, outputs["scores"].double().numpy())
    times = quantiles.restore((series_grid.TIME,), cdf[-1:], outputs["times"].double().numpy()[:, :, None])[:, :, 0]
    there = outputs["there"].sigmoid()
    seen = dither.seen(there.flatten(1), outputs["phase"]).reshape(there.shape)
    return series_grid.series(schema, values, times, seen.numpy())


def _histogram(schema: Schema, data: Series) -> Tensor:
    values, times = series_grid.places(schema, data)
    columns = (*schema.columns, series_grid.TIME)
    return quantiles.histogram(columns, np.concatenate([values, times[:, :, None]], axis=2))
