"""Images and videos at a working size: frames stand in the channel place, so one network serves both."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from fpmg_bench.types import Pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.types import Schema

FRAMES = 8  # frames kept of a video
CORRECTIONS = 4  # of an enlarged picture
CENTRE, SPREAD = 127.5, 64.0
STREAM = 64  # records read or drawn at full size at once
KEPT_BYTES = 64 * 2**20  # drawn records up to this size stay in memory; more are drawn whenever they are read


def channels(schema: Schema) -> int:
    """Channels of the working form: colours, times kept frames."""
    if schema.kind == "image":
        return schema.shape[0]
    return min(FRAMES, schema.shape[0]) * schema.shape[1]


def reduced(schema: Schema, data: Pixels, side: int) -> Tensor:
    """All records at side x side, uint8 [n, channels, side, side]; read and reduced a few at a time."""
    parts = [torch.zeros(0, channels(schema), side, side, dtype=torch.uint8)]
    for start in range(0, len(data), STREAM):
        rows = np.arange(start, min(start + STREAM, len(data)))
        parts.append(_bytes(_fit(schema, torch.from_numpy(np.ascontiguousarray(data.take(rows).array())), side)))
    return torch.cat(parts)


def scaled(raw: Tensor) -> Tensor:
    """uint8 to float32, about -2 to 2."""
    return (raw.float() - CENTRE) / SPREAD


def enlarged(schema: Schema, values: Tensor) -> Pixels:
    """Records of the schema's shape from working values [n, channels, side, side] on the scale of `scaled`."""
    return decoded(schema, len(values), values.__getitem__)


def decoded(schema: Schema, n: int, values: Callable[[slice], Tensor]) -> Pixels:
    """n records from working values of a stretch of them; drawn when read, unless all of them take little memory.

    Whole stretches of STREAM are drawn, so that a record's bits do not depend on what is read beside it.
    """

    @lru_cache(maxsize=1)
    def stretch(at: int) -> NDArray[np.uint8]:
        return _full(schema, values(slice(at * STREAM, min((at + 1) * STREAM, n))))

    def read(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        out = np.empty((len(rows), *schema.shape), np.uint8)
        for at in np.unique(rows // STREAM):
            here = np.flatnonzero(rows // STREAM == at)
            out[here] = stretch(int(at))[rows[here] - at * STREAM]
        return out

    lazy = Pixels(read, np.arange(n))
    return Pixels.of(lazy.array()) if n * int(np.prod(schema.shape)) <= KEPT_BYTES else lazy


def _full(schema: Schema, values: Tensor) -> NDArray[np.uint8]:
    """[n, *shape] uint8 of working values."""
    *frames, colours, height, width = schema.shape
    if frames:
        kept = min(FRAMES, frames[0])
        values = _frames(values.reshape(len(values), kept, -1), frames[0]).reshape(-1, colours, *values.shape[-2:])
    full = _bytes(_drawn(values, height, width) * SPREAD + CENTRE)
    return full.reshape(-1, *schema.shape).numpy()


def _drawn(x: Tensor, height: int, width: int) -> Tensor:
    """Resized so that reducing a larger picture again gives x: bicubic, corrected by back-projection (Irani and Peleg, 1991).

    At four times the size bicubic alone keeps .18 of the fine detail of a noisy picture (energy of the Laplacian), this .75.
    """
    small = (int(x.shape[-2]), int(x.shape[-1]))
    if height <= small[0] or width <= small[1]:
        return _resize(x, height, width)
    large = torch.zeros(len(x), x.shape[1], height, width)
    for _ in range(1 + CORRECTIONS):
        large = large + F.interpolate(x - _resize(large, *small), (height, width), mode="bicubic", align_corners=False)
    return large


def _fit(schema: Schema, raw: Tensor, side: int) -> Tensor:
    """uint8 records at full size to float [n, channels, side, side], 0 to 255."""
    n = len(raw)
    small = _resize(raw.reshape(-1, *schema.shape[-3:]).float(), side, side)
    if schema.kind == "image":
        return small
    kept = min(FRAMES, schema.shape[0])
    return _frames(small.reshape(n, schema.shape[0], -1), kept).reshape(n, channels(schema), side, side)


def _resize(x: Tensor, height: int, width: int) -> Tensor:
    """Bilinear, with antialiasing where it shrinks; the identity where the size is right."""
    if tuple(x.shape[-2:]) == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bilinear", align_corners=False, antialias=True)


def _frames(x: Tensor, count: int) -> Tensor:
    """[n, t, d] to [n, count, d], linear in time."""
    if x.shape[1] == count:
        return x
    return F.interpolate(x.transpose(1, 2), count, mode="linear", align_corners=True).transpose(1, 2)


def _bytes(x: Tensor) -> Tensor:
    return x.round().clamp(0, 255).to(torch.uint8)
