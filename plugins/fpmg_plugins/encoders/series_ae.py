"""Irregular series as quantile scores on a grid of steps: what `transformer-ae` does for the kind "series"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fpmg_plugins.encoders import dither, quantiles, series_grid
from fpmg_plugins.encoders.series_net import SeriesCoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Column, Schema, Series, State
    from fpmg_plugins.encoders.transformer_ae import TransformerAe


def statistics(schema: Schema, shard: Shard) -> State:
    """One charged count: how often each channel and the time fall into each public bin."""
    clip = float(np.sqrt(len(schema.columns) + 1))  # a record's bins sum to 1 in each channel and in time
    grid = quantiles.Grid(_columns(schema), fine=False)
    return {"counts/bins": shard.counts(lambda rows: grid.histogram(_cells(schema, rows)), clip)}


def frozen(schema: Schema, stats: State) -> State:
    """The distribution of each channel and of the time."""
    counts = stats["counts/bins"]
    return {"frozen/distribution": quantiles.Grid.counted(_columns(schema), len(counts)).distribution(counts)}


def network(settings: TransformerAe, schema: Schema) -> SeriesCoder:
    """A fresh network for the schema's steps and channels."""
    s = settings
    return SeriesCoder(schema.shape[0], len(schema.columns), s.dim, s.width, s.layers, s.heads)


def features(schema: Schema, state: State, data: Series) -> dict[str, Tensor]:
    """scores and seen [n, t, c], times [n, t]."""
    cells = _cells(schema, data)
    scores = torch.from_numpy(quantiles.standardise(_columns(schema), state["frozen/distribution"], cells))
    seen = torch.from_numpy((~np.isnan(cells[:, :, :-1])).astype(np.float32))
    return {"scores": scores[:, :, :-1], "seen": seen, "times": scores[:, :, -1]}


def records(schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Series:
    """Valid series from the decoder's scores, times and masks."""
    scores = torch.cat([outputs["scores"], outputs["times"][:, :, None]], dim=2).double().numpy()
    values = quantiles.restore(_columns(schema), state["frozen/distribution"], scores)
    there = outputs["there"].sigmoid()
    seen = dither.seen(there.flatten(1), outputs["phase"]).reshape(there.shape)
    return series_grid.series(schema, values[:, :, :-1], values[:, :, -1], seen.numpy())


def _columns(schema: Schema) -> tuple[Column, ...]:
    return (*schema.columns, series_grid.TIME)


def _cells(schema: Schema, data: Series) -> NDArray[np.float64]:
    """Channels and time [n, t, c + 1] on their public scale."""
    values, times = series_grid.places(schema, data)
    return np.concatenate([values, times[:, :, None]], axis=2)
