"""What principal components are taken of, kind by kind: rows of numbers that may be missing, and blocks that never are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from fpmg_plugins.encoders import numbers
from fpmg_plugins.encoders.picture import pixels
from fpmg_plugins.encoders.series import grid as series_grid
from fpmg_plugins.encoders.table.tabular import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import Kind, ModalityData, Schema

WIDEST = 1024  # raw columns: their second moments are what travels (8 bytes x WIDEST^2 / 2)


class View(Protocol):
    """rows: [n, 2 k + sum(blocks)]: k numbers (0 where missing), k masks, then the blocks; every entry within [-1, 1].

    gaps: scale of the masks beside numbers of variance 1; longest: L2 norm of a row at most.
    """

    k: int
    blocks: tuple[int, ...]
    gaps: float
    longest: float

    def rows(self, data: Any) -> NDArray[np.float64]: ...
    def back(self, values: NDArray[np.float64], seen: NDArray[np.bool_], rest: NDArray[np.float64]) -> ModalityData: ...


def view(schema: Schema) -> View:
    """The view of this modality."""
    views: dict[Kind, Callable[[Schema], View]] = {
        "table": TableView,
        "series": SeriesView,
        "image": PixelView,
        "video": PixelView,
    }
    return views[schema.kind](schema)


def tensor(rows: NDArray[np.float64]) -> Tensor:
    """float64."""
    return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float64))


@dataclass
class TableView:
    """Numbers on their public scale; a block of one-hot levels for each category and flag."""

    schema: Schema
    layout: Layout = field(init=False)
    gaps: float = 3.0  # a gap in a table is rare and would not count

    def __post_init__(self) -> None:
        self.layout = Layout.of(self.schema)
        self.k, self.blocks = len(self.layout.numbers), tuple(self.layout.sizes)
        self.longest = math.sqrt(2 * self.k + len(self.blocks))  # a block holds a single 1

    def rows(self, data: Any) -> NDArray[np.float64]:
        places, codes = self.layout.places(data.frame), self.layout.codes(data.frame)
        one_hot = [np.eye(size)[codes[:, j]] for j, size in enumerate(self.blocks)]
        return np.concatenate([np.nan_to_num(places, nan=0.0), ~np.isnan(places), *one_hot], axis=1)

    def back(self, values: NDArray[np.float64], seen: NDArray[np.bool_], rest: NDArray[np.float64]) -> ModalityData:
        known = np.where(seen, values, np.nan)
        own = [numbers.value(column, known[:, j]) for j, column in enumerate(self.layout.numbers)]
        codes = [part.argmax(axis=1) for part in np.split(rest, np.cumsum(self.blocks)[:-1], axis=1)] if self.blocks else []
        n = len(values)
        return self.layout.table(
            self.schema,
            np.stack(own, axis=1) if own else np.zeros((n, 0)),
            np.stack(codes, axis=1) if codes else np.zeros((n, 0), dtype=np.int64),
        )


@dataclass
class SeriesView:
    """Steps averaged in groups so that second moments stay small; one block of times."""

    schema: Schema
    gaps: float = 0.5  # unseen steps are many, and mostly chance

    def __post_init__(self) -> None:
        self.steps, self.channels = self.schema.shape[0], len(self.schema.columns)
        self.groups = max(1, min(self.steps, WIDEST // (2 * self.channels + 1)))
        self.k = self.groups * self.channels
        self.blocks: tuple[int, ...] = (self.groups,)
        self.longest = math.sqrt(2 * self.k + self.groups)
        self.owner = np.arange(self.steps) * self.groups // self.steps

    def rows(self, data: Any) -> NDArray[np.float64]:
        places, times = series_grid.places(self.schema, data)
        known = ~np.isnan(places)
        member = np.eye(self.groups)[self.owner]  # [steps, groups]
        count = np.einsum("ntc,tg->ngc", known.astype(np.float64), member)
        total = np.einsum("ntc,tg->ngc", np.nan_to_num(places, nan=0.0), member)
        n = len(places)
        mean, seen = (total / np.maximum(count, 1)).reshape(n, -1), (count > 0).reshape(n, -1)
        return np.concatenate([mean, seen, times @ (member / member.sum(axis=0))], axis=1)

    def back(self, values: NDArray[np.float64], seen: NDArray[np.bool_], rest: NDArray[np.float64]) -> ModalityData:
        n, shape = len(values), (len(values), self.groups, self.channels)
        places = values.reshape(shape)[:, self.owner]
        own = [numbers.value(column, places[..., j]) for j, column in enumerate(self.schema.columns)]
        middle = np.array([np.flatnonzero(self.owner == g).mean() for g in range(self.groups)])
        times = np.array([np.interp(np.arange(self.steps), middle, row) for row in rest]).reshape(n, self.steps)
        return series_grid.series(
            self.schema, np.stack(own, axis=2), numbers.value(series_grid.TIME, times), seen.reshape(shape)[:, self.owner]
        )


@dataclass
class PixelView:
    """One block: pixels reduced to the largest square of `most`, 16, 8 or 4 that fits; videos keep up to 8 frames."""

    schema: Schema
    most: int = 16
    gaps: float = 1.0

    def __post_init__(self) -> None:
        channels = pixels.channels(self.schema)
        self.side = next((side for side in (32, 16, 8) if side <= self.most and channels * side**2 <= WIDEST), 4)
        self.k = 0
        self.blocks: tuple[int, ...] = (channels * self.side**2,)
        self.longest = math.sqrt(channels) * self.side

    def rows(self, data: Any) -> NDArray[np.float64]:
        small: NDArray[np.float64] = pixels.reduced(self.schema, data, self.side).flatten(1).double().numpy()
        return small / 127.5 - 1

    def back(self, values: NDArray[np.float64], seen: NDArray[np.bool_], rest: NDArray[np.float64]) -> ModalityData:
        return pixels.enlarged(self.schema, self.picture(rest))

    def picture(self, rest: NDArray[np.float64]) -> Tensor:
        """Scaled pictures [n, channels, side, side] at the working size."""
        raw = torch.from_numpy((rest + 1) * 127.5).float().reshape(len(rest), -1, self.side, self.side)
        return (raw - pixels.CENTRE) / pixels.SPREAD
