"""Irregular series on a grid of steps: what `transformer-ae` does for the kind "series"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from fpmg_plugins.encoders import dither, numbers
from fpmg_plugins.encoders.autoencoding import MODULE
from fpmg_plugins.encoders.pca import views as pca_views
from fpmg_plugins.encoders.pca.pca import Pca, symmetric
from fpmg_plugins.encoders.quantiles import Grid
from fpmg_plugins.encoders.series import basis as series_basis
from fpmg_plugins.encoders.series import grid as series_grid
from fpmg_plugins.encoders.series.basis import MASKS, TIMES
from fpmg_plugins.encoders.series.net import SeriesCoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Column, Schema, Series, SiloContext, State
    from fpmg_plugins.encoders.bert import Sizes

TOGETHER = 0.95  # share of either's seen cells that two channels have in common from which they are measured together
LEAST = 1e-6  # spread on the public scale below which a channel counts as constant


def statistics(schema: Schema, shard: Shard, ctx: SiloContext) -> State:
    """Moments of values and masks, as `pca` takes them; under privacy, where these drown, one charged count over public bins."""
    if not shard.private:
        return Pca().statistics(schema, shard, ctx)
    grid = Grid(_columns(schema), fine=False)
    clip = float(np.sqrt(len(grid.columns)))  # a record's bins sum to 1 in each channel and in time
    return {"counts/bins": shard.counts(lambda rows: grid.histogram(_cells(schema, rows)), clip)}


def frozen(schema: Schema, stats: State, dim: int) -> State:
    """mean, unit [c] of each channel, times, pace [t] of the steps, share [t c] seen, masks [t c]: their scales, basis [dim, 2 t c + t]."""
    return _counted(schema, stats["counts/bins"], dim) if "counts/bins" in stats else _measured(schema, stats, dim)


def network(settings: Sizes, schema: Schema) -> SeriesCoder:
    """A fresh network for the schema's steps and channels."""
    s = settings
    return SeriesCoder(schema.shape[0], len(schema.columns), s.dim, s.width, s.layers, s.heads)


def started(schema: Schema, state: State) -> State:
    """The decoder's linear path as the basis has it: values and times outright, masks as log odds about their rates."""
    q = schema.shape[0] * len(schema.columns)
    values, masks, times = torch.split(state["frozen/basis"].T, [q, q, schema.shape[0]])
    share = state["frozen/share"].clamp(0.02, 0.98)
    return state | {
        f"{MODULE}/direct.weight": torch.cat([values, times / TIMES]).float(),
        f"{MODULE}/masks.weight": (masks / (state["frozen/masks"] * share * (1 - share))[:, None]).float(),
        f"{MODULE}/masks.bias": torch.logit(share).float(),
    }


def features(schema: Schema, state: State, data: Series) -> dict[str, Tensor]:
    """scores and seen [n, t, c], times [n, t], codes [n, dim] of the linear basis, worth [n, t, c] of each mask."""
    values, times = series_grid.places(schema, data)
    seen = torch.from_numpy(~np.isnan(values)).double()
    scores = (torch.from_numpy(np.nan_to_num(values)) - state["frozen/mean"]) / state["frozen/unit"] * seen
    clock = (torch.from_numpy(times) - state["frozen/times"]) / state["frozen/pace"]
    rest = torch.cat([state["frozen/masks"] * (seen.flatten(1) - state["frozen/share"]), TIMES * clock], dim=1)
    codes = series_basis.codes(state["frozen/basis"], scores.flatten(1), seen.flatten(1), rest)
    worth = (state["frozen/masks"] / MASKS).square().float().expand(len(seen), -1).reshape(seen.shape)
    return {"scores": scores.float(), "seen": seen.float(), "times": clock.float(), "codes": codes.float(), "worth": worth}


def records(schema: Schema, state: State, outputs: Mapping[str, Tensor]) -> Series:
    """Valid series from the decoder's scores, times and masks."""
    places = (_lively(outputs["scores"].double(), state["frozen/lively"]) * state["frozen/unit"] + state["frozen/mean"]).numpy()
    clock = (outputs["times"].double() * state["frozen/pace"] * state["frozen/late"] + state["frozen/times"]).numpy()
    own = np.stack([numbers.value(column, places[..., j]) for j, column in enumerate(schema.columns)], axis=2)
    seen = dither.likeliest(_there(state, outputs), outputs["phase"], state["frozen/together"])
    return series_grid.series(schema, own, numbers.value(series_grid.TIME, clock), seen.numpy())


def _lively(scores: Tensor, gain: Tensor) -> Tensor:
    """Scores [n, t, c] whose deviations from the running mean of three steps are `gain` [c] times as large."""
    if scores.shape[1] < 3:
        return scores
    calm = F.avg_pool1d(F.pad(scores.transpose(1, 2), (1, 1), mode="replicate"), 3, 1).transpose(1, 2)
    return calm + gain * (scores - calm)


def _there(state: State, outputs: Mapping[str, Tensor]) -> Tensor:
    """Probability [n, t, c] that a cell is seen: 1 and 0 where the exchange leaves no doubt, one for channels that are measured together."""
    there, group = outputs["there"].sigmoid().double(), state["frozen/together"]
    alike = (group[:, None] == group[None, :]).double()
    there = there @ alike / alike.sum(0)
    always, never = (state[f"frozen/{name}"].reshape(there.shape[1:]) for name in ("always", "never"))
    return torch.where(always, 1.0, torch.where(never, 0.0, there))


def _columns(schema: Schema) -> tuple[Column, ...]:
    return (*schema.columns, series_grid.TIME)


def _cells(schema: Schema, data: Series) -> NDArray[np.float64]:
    """Channels and time [n, t, c + 1] on their public scale."""
    values, times = series_grid.places(schema, data)
    return np.concatenate([values, times[:, :, None]], axis=2)


def _counted(schema: Schema, counts: Tensor, dim: int) -> State:
    """Means and units from counts, a basis without patients."""
    steps, channels = schema.shape[0], len(schema.columns)
    grid = Grid.counted(_columns(schema), len(counts))
    found = [_spread(edge, ranks) for edge, ranks in grid.functions(grid.distribution(counts))]
    mean, unit = (torch.tensor(part, dtype=torch.float64) for part in zip(*found, strict=True))
    return {
        "frozen/mean": mean[:-1],
        "frozen/unit": unit[:-1],
        "frozen/times": mean[-1:].expand(steps).clone(),
        "frozen/pace": unit[-1:].clone(),
        "frozen/share": torch.full((steps * channels,), 0.5, dtype=torch.float64),
        "frozen/masks": torch.full((steps * channels,), MASKS, dtype=torch.float64),
        "frozen/basis": series_basis.public(steps, channels, dim),
        "frozen/late": torch.ones(1, dtype=torch.float64),
        "frozen/lively": torch.ones(channels, dtype=torch.float64),
        "frozen/always": torch.zeros(steps * channels, dtype=torch.bool),
        "frozen/never": torch.zeros(steps * channels, dtype=torch.bool),
        "frozen/together": torch.arange(channels),
    }


def _spread(edge: NDArray[np.float64], ranks: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation of a distribution over bins."""
    mass, middle = np.diff(ranks), (edge[1:] + edge[:-1]) / 2
    mean = float(mass @ middle)
    spread = float(np.sqrt(mass @ (middle - mean) ** 2))
    return mean, spread if spread > LEAST else 1.0


def _measured(schema: Schema, stats: State, dim: int) -> State:
    """Everything from one exchange of moments over (groups of) steps."""
    view = pca_views.SeriesView(schema)
    n, q = float(stats["moments/n"].clamp(min=1.0)), view.k
    mean = stats["moments/sum"] / n
    second = symmetric(stats["moments/outer"] / n, len(mean))
    share, clock = mean[q : 2 * q].clamp(0, 1), mean[2 * q :]
    centre, unit = _units(mean, second, q, view.channels)
    moved = _standardised(second, mean, centre, unit, q)
    lateness = (second.diagonal()[2 * q :] - clock.square()).clamp(min=0).mean().sqrt()
    pace = lateness if float(lateness) > LEAST else torch.ones((), dtype=torch.float64)
    moved[2 * q :] /= pace
    moved[:, 2 * q :] /= pace
    seen = series_basis.Seen(n, view.groups, view.channels, share, moved, second[q : 2 * q, q : 2 * q])
    basis, scale = series_basis.directions(seen, dim)
    owner = torch.as_tensor(view.owner)
    spread_share = share.reshape(view.groups, -1)[owner].flatten()
    spread = [
        part.reshape(*part.shape[:-1], view.groups, -1)[..., owner, :].flatten(-2)
        for part in torch.split(basis, [q, q, view.groups], 1)
    ]
    return {
        "frozen/mean": centre,
        "frozen/unit": unit,
        "frozen/times": clock[owner],
        "frozen/pace": pace.reshape(1),
        "frozen/share": spread_share,
        "frozen/masks": scale.reshape(view.groups, -1)[owner].flatten(),
        "frozen/basis": torch.cat(spread, dim=1).contiguous(),
        "frozen/lively": series_basis.liveliness(seen, basis) if view.groups == view.steps else torch.ones_like(unit),
        "frozen/late": (lateness > LEAST).double().reshape(1),
        # of several steps together it is known that one was seen, not which
        "frozen/always": (spread_share > 1 - LEAST) & (view.groups == view.steps),
        "frozen/never": spread_share < LEAST,
        "frozen/together": _together(seen),
    }


def _together(seen: series_basis.Seen) -> Tensor:
    """For each channel the first of those that are seen in the same steps of the same records: itself, if none is."""
    alike, share = seen.both.diagonal().new_zeros(seen.channels, seen.channels), seen.share.reshape(seen.steps, -1).sum(0)
    for step in torch.arange(len(seen.share)).reshape(seen.steps, -1):
        alike += seen.both[step][:, step]
    group = torch.arange(seen.channels)
    for i, j in torch.triu_indices(seen.channels, seen.channels, offset=1).T.tolist():
        if alike[i, j] > 0 and alike[i, j] >= TOGETHER * torch.maximum(share[i], share[j]):
            group[j] = torch.minimum(group[i], group[j])
    return group


def _units(mean: Tensor, second: Tensor, q: int, channels: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [c] of each channel's seen values."""
    count = mean[q : 2 * q].reshape(-1, channels).sum(0).clamp(min=1e-9)
    centre = mean[:q].reshape(-1, channels).sum(0) / count
    variance = second.diagonal()[:q].reshape(-1, channels).sum(0) / count - centre.square()
    unit = variance.clamp(min=0.0).sqrt()
    return centre, torch.where(unit > LEAST, unit, 1.0)


def _standardised(second: Tensor, mean: Tensor, centre: Tensor, unit: Tensor, q: int) -> Tensor:
    """Second moments of ((x - centre) m / unit, m - p, time - mean) from those of (x m, m, time)."""
    steps = q // len(centre)
    change = torch.eye(len(mean), dtype=torch.float64)
    at = torch.arange(q)
    change[at, at] = 1 / unit.repeat(steps)
    change[at, q + at] = -(centre / unit).repeat(steps)
    shift = torch.cat([torch.zeros(q, dtype=torch.float64), mean[q:]])
    moved = change @ second @ change.T
    total = change @ mean
    return moved - total[:, None] * shift - shift[:, None] * total + shift[:, None] * shift
