"""What `frozen` sees of pictures, series and tables, kind by kind: public scales and public bases, nothing fitted to any record.

A reader turns records into rows [n, f], says which `dim` orthonormal directions of them make the vector and how large each
usually is, and turns vectors back into records. Sizes follow a public law, not data: they only set the scale of the vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from fpmg_bench.devices import drawn
from fpmg_plugins.encoders import dither, numbers
from fpmg_plugins.encoders.frozen.text import TextReader
from fpmg_plugins.encoders.pca import views as pca_views
from fpmg_plugins.encoders.picture import pixels
from fpmg_plugins.encoders.table.tabular import Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import ModalityData, Pixels, Rng, Schema, State, Table

SLOW = 3.0  # a video changes that much less from its first frame to its last than from side to side
CONTRAST = 0.25  # standard deviation of brightness, 0 to 1
LEVEL, SHARE, CLOCK = 0.15, 0.25, 0.1  # of a channel's level, of the share seen, of times, on their public scales
REACH = 1.75  # levels of a category lie within +-REACH; what is missing lies beyond


class Reader(Protocol):
    """rows(data) [n, f] float32; head: basis [f, dim], size [dim], centre [f] under "frozen/"; back(head, z): records."""

    def rows(self, data: Any) -> Tensor: ...
    def head(self, dim: int, rng: Rng) -> State: ...
    def back(self, head: State, z: Tensor) -> ModalityData: ...


def reader(schema: Schema, side: int) -> Reader:
    """The reader of this modality. side: working size of pictures."""
    kind = schema.kind
    if kind == "text":
        return TextReader(schema)
    if kind == "table":
        return TableReader(schema)
    return SeriesReader(schema) if kind == "series" else PixelReader(schema, side)


def vectors(head: State, rows: Tensor) -> Tensor:
    """z [n, dim] of rows [n, f]; summed in float64, or a record's vector would follow the size of its batch."""
    found = (rows.double() - head["frozen/centre"].double()) @ head["frozen/basis"].double()
    return (found / head["frozen/size"].double()).float()


def rows_of(head: State, z: Tensor) -> Tensor:
    """Rows [n, f] of vectors [n, dim]: the basis is orthonormal, so its transpose is its pseudo-inverse."""
    return head["frozen/centre"] + (z * head["frozen/size"]) @ head["frozen/basis"].T


def cosines(length: int) -> Tensor:
    """The orthonormal cosine basis (DCT-II) [length, frequencies]."""
    at, frequency = torch.arange(length) + 0.5, torch.arange(length)
    basis: Tensor = torch.cos(torch.pi / length * at[:, None] * frequency) * (2 / length) ** 0.5
    basis[:, 0] *= 0.5**0.5
    return basis


@dataclass(frozen=True)
class PixelReader:
    """The lowest frequencies of a cosine transform over frames, colours, height and width.

    Energy falls with the square of frequency in pictures of nature and of the body alike (Field, 1987): the components of such
    pictures are cosines, and these are their public stand-in.
    """

    schema: Schema
    side: int

    def rows(self, data: Pixels) -> Tensor:
        return pixels.reduced(self.schema, data, self.side).flatten(1).float() / 255

    def head(self, dim: int, rng: Rng) -> State:
        depth, colours = pixels.channels(self.schema), self.schema.shape[-3]
        deep = (depth // colours, colours) if min(colours, depth // colours) > 1 else (depth,)
        lengths = (*deep, self.side, self.side)
        axes = torch.meshgrid(*(torch.arange(n).double() for n in lengths), indexing="ij")
        square = sum((axis**2 for axis in (*(axis * SLOW for axis in axes[:-2]), *axes[-2:])), torch.zeros(())).flatten()
        order = torch.sort(square, stable=True).indices[:dim]
        along = [cosines(n)[:, axis.flatten()[order].long()] for n, axis in zip(lengths, axes, strict=True)]
        basis = reduce(lambda a, b: (a[:, None] * b[None]).flatten(0, 1), along)
        law = 1 / (1 + square)
        size = CONTRAST * (len(square) * law[order] / law.sum()).sqrt()
        return _padded(basis, size.float(), torch.full((len(square),), 0.5), dim)

    def picture(self, head: State, z: Tensor) -> Tensor:
        """Scaled pictures [n, channels, side, side] at the working size."""
        flat = rows_of(head, z).clamp(0, 1).reshape(len(z), -1, self.side, self.side)
        return (flat * 255 - pixels.CENTRE) / pixels.SPREAD

    def back(self, head: State, z: Tensor) -> Pixels:
        return pixels.decoded(self.schema, len(z), lambda part: self.picture(head, z[part]))


@dataclass(frozen=True)
class SeriesReader:
    """Each channel on the schema's steps, its gaps bridged by the last value known: levels, times, shares seen, then slow waves."""

    schema: Schema

    @property
    def view(self) -> pca_views.SeriesView:
        """The grid of steps that values, masks and times stand on."""
        return pca_views.SeriesView(self.schema)

    def rows(self, data: Any) -> Tensor:
        view = self.view
        raw = view.rows(data)
        shape = (len(raw), view.groups, view.channels)
        seen = raw[:, view.k : 2 * view.k].reshape(shape) > 0
        bridged = _bridged(raw[:, : view.k].reshape(shape), seen)
        raw[:, : view.k] = bridged.reshape(len(raw), -1)
        return torch.from_numpy(raw).float()

    def head(self, dim: int, rng: Rng) -> State:
        view, basis, size = self.view, [], []
        waves, none = cosines(view.groups), torch.zeros(view.groups, view.channels)

        def add(values: Tensor, masks: Tensor, times: Tensor, usual: float) -> None:
            basis.append(torch.cat([values.flatten(), masks.flatten(), times]))
            size.append(usual * view.groups**0.5)

        def wave(channel: int, frequency: int) -> Tensor:
            one = none.clone()
            one[:, channel] = waves[:, frequency]
            return one

        for channel in range(view.channels):
            add(wave(channel, 0), none, none[:, 0], LEVEL)
        for frequency in range(min(2, view.groups)):
            add(none, none, waves[:, frequency], CLOCK)
        for channel in range(view.channels):
            add(none, wave(channel, 0), none[:, 0], SHARE)
        for frequency in range(1, view.groups):
            for channel in range(view.channels):
                add(wave(channel, frequency), none, none[:, 0], LEVEL / (1 + frequency))
        centre = torch.cat([torch.full((2 * view.k,), 0.5), torch.full((view.groups,), 0.6)])
        return _padded(torch.stack(basis[:dim], dim=1), torch.tensor(size[:dim]), centre, dim)

    def back(self, head: State, z: Tensor) -> ModalityData:
        view = self.view
        raw = rows_of(head, z).double()
        seen = dither.seen(raw[:, view.k : 2 * view.k], dither.phase(z))
        return view.back(raw[:, : view.k].clamp(0, 1).numpy(), seen.numpy(), raw[:, 2 * view.k :].numpy())


@dataclass(frozen=True)
class TableReader:
    """One number a column: a number on its public scale, a level by its rank in the schema, what is missing beyond both ends.

    With as many dimensions as columns the way back is exact; with fewer, a random orthogonal projection of the columns.
    """

    schema: Schema

    def rows(self, data: Table) -> Tensor:
        layout = Layout.of(self.schema)
        places = layout.places(data.frame)
        values = np.where(np.isnan(places), -2 * REACH, (2 * places - 1) * REACH)
        codes = layout.codes(data.frame)
        levels = [_ranked(size)[codes[:, j]] for j, size in enumerate(layout.sizes)]
        return torch.from_numpy(np.concatenate([values, *(level[:, None] for level in levels)], axis=1)).float()

    def head(self, dim: int, rng: Rng) -> State:
        width = len(self.schema.columns)
        if dim >= width:
            return _padded(torch.eye(width), torch.ones(width), torch.zeros(width), dim)
        basis = torch.linalg.qr(drawn((width, dim), rng, torch.zeros((), dtype=torch.float64))).Q.float()
        return {"frozen/basis": basis, "frozen/size": torch.ones(dim), "frozen/centre": torch.zeros(width)}

    def back(self, head: State, z: Tensor) -> ModalityData:
        layout = Layout.of(self.schema)
        raw, k = rows_of(head, z).double().numpy(), len(layout.numbers)
        places = np.where(raw[:, :k] < -1.5 * REACH, np.nan, (raw[:, :k] / REACH + 1) / 2)
        values = [numbers.value(column, places[:, j]) for j, column in enumerate(layout.numbers)]
        codes = [np.abs(raw[:, k + j, None] - _ranked(size)).argmin(axis=1) for j, size in enumerate(layout.sizes)]
        none = np.zeros((len(z), 0))
        return layout.table(
            self.schema,
            np.stack(values, axis=1) if values else none,
            np.stack(codes, axis=1) if codes else none.astype(np.int64),
        )


def _ranked(size: int) -> NDArray[np.float64]:
    """Places of `size` levels, the last one meaning "missing"."""
    known = size - 1
    return np.append(np.linspace(-REACH, REACH, known) if known > 1 else np.zeros(known), -2 * REACH)


def _bridged(values: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """values [n, g, c] with each gap filled by the last value seen, before the first one by it, without any by 1/2."""
    groups = np.arange(values.shape[1])[None, :, None]
    last = np.maximum.accumulate(np.where(seen, groups, -1), axis=1)
    ever = np.asarray(seen.any(axis=1))
    first = np.where(ever, seen.argmax(axis=1), 0)[:, None, :]
    filled = np.take_along_axis(values, np.where(last < 0, first, last), axis=1)
    return np.where(ever[:, None, :], filled, 0.5)


def _padded(basis: Tensor, size: Tensor, centre: Tensor, dim: int) -> State:
    """The head with columns of zeros where there are fewer directions than dimensions."""
    short = dim - basis.shape[1]
    return {
        "frozen/basis": torch.nn.functional.pad(basis, (0, short)).contiguous(),
        "frozen/size": torch.nn.functional.pad(size, (0, short), value=1.0),
        "frozen/centre": centre,
    }
