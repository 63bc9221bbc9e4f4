"""A model message as bytes: a fixed header, then the flat vectors. Nothing that comes from a network is ever unpickled."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fpmg_bench.errors import PlumbingError
from fpmg_bench.transport.message import Awaited, Message, width

if TYPE_CHECKING:
    from torch import Tensor

# magic, version, flags, src, dst, origin, round, stage (crc32), sequence number, mass, weight, payload bytes; zeros up to 64
HEADER = struct.Struct("<4sHHiiiiIIddQ8x")
MAGIC, VERSION = b"FPMG", 1
RELAYED, MASKED, WEIGHTED = 1, 2, 4


def _order(dtypes: Mapping[str, object]) -> list[str]:
    """Widest first, so that every vector begins where its type may."""
    return sorted(dtypes, key=lambda dtype: (-width(dtype), dtype))


def encode(message: Message, stage: str, round: int, number: int) -> Tensor:
    """The message as one uint8 vector."""
    import torch

    flags = RELAYED * message.relayed | MASKED * message.masked | WEIGHTED * (message.weight is not None)
    place = (message.src, message.dst, message.origin, round, zlib.crc32(stage.encode()), number)
    head = HEADER.pack(MAGIC, VERSION, flags, *place, message.mass, message.weight or 0.0, message.bytes)
    parts = [message.payload[dtype].detach().contiguous().reshape(-1).view(torch.uint8) for dtype in _order(message.payload)]
    return torch.cat([torch.frombuffer(bytearray(head), dtype=torch.uint8), *parts])


def room(size: int) -> Tensor:
    """An empty vector for a message of so many bytes."""
    import torch

    return torch.empty(size, dtype=torch.uint8)


def as_tensor(data: bytes) -> Tensor:
    """The bytes as a vector of their own."""
    import torch

    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def decode(data: Tensor, due: Awaited, stage: str, round: int, number: int) -> Message:
    """The message, its vectors being views of `data`. PlumbingError where it is not the one that was due."""
    magic, version, flags, src, dst, origin, sent, crc, count, mass, weight, size = HEADER.unpack(
        data[: HEADER.size].numpy().tobytes()
    )
    found = (magic, version, bool(flags & MASKED), src, dst, sent, crc, count, size)
    expected = (MAGIC, VERSION, due.masked, due.src, due.dst, round, zlib.crc32(stage.encode()), number, due.bytes)
    if found != expected:
        raise PlumbingError(f"{stage}, round {round}, {due.src} -> {due.dst}: got a message headed {found}, not {expected}")
    payload, start = {}, HEADER.size
    for dtype in _order(due.sizes):
        kind = "int64" if due.masked else dtype
        stop = start + width(kind) * due.sizes[dtype]
        payload[dtype] = _vector(data[start:stop], kind)
        start = stop
    ordered = {dtype: payload[dtype] for dtype in due.sizes}
    given = weight if flags & WEIGHTED else None
    return Message(src, dst, origin, ordered, mass, given, bool(flags & RELAYED), bool(flags & MASKED))


def _vector(data: Tensor, dtype: str) -> Tensor:
    import torch

    return data.view(getattr(torch, dtype))
