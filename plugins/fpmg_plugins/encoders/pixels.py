"""Images and videos at a working size: frames stand in the channel place, so one network serves both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from fpmg_bench.types import Pixels

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import Schema

FRAMES = 8  # frames kept of a video
CENTRE, SPREAD = 127.5, 64.0
STREAM = 64  # records read at full size at once


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
    *frames, colours, height, width = schema.shape
    parts = []
    for piece in torch.split(values, STREAM) if len(values) else (values,):
        chunk = piece
        if frames:
            kept = min(FRAMES, frames[0])
            chunk = _frames(chunk.reshape(len(chunk), kept, -1), frames[0]).reshape(
                len(chunk) * frames[0], colours, *chunk.shape[-2:]
            )
        full = _resize(chunk, height, width) if len(chunk) else chunk.new_zeros(0, colours, height, width)
        parts.append(_bytes(full * SPREAD + CENTRE).reshape(-1, *schema.shape))
    return Pixels.of(torch.cat(parts).numpy())


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
