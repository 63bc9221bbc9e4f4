"""Order statistics of each coordinate: a sorting network over the rows, block by block."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

BLOCK = 1 << 15  # coordinates a pass: few enough for the cache, enough that each of ~100 operations is worth its call


def ordered(inputs: Tensor, first: int, last: int, chosen: Sequence[int] | None = None) -> Iterator[tuple[slice, list[Tensor]]]:
    """Blocks of coordinates with the order statistics first..last (from 0) there, as `last - first + 1` rows.

    Of inputs [m, d], or of the chosen rows.
    torch.sort along 16 rows takes more than ten times as long. What is not a number counts as the largest.
    """
    import torch

    rows_of = slice(None) if chosen is None else list(chosen)
    wanted = frozenset(range(first, last + 1))
    for start in range(0, inputs.shape[1], BLOCK):
        cut = slice(start, start + BLOCK)
        block = inputs[rows_of, cut].nan_to_num(nan=float("inf"), posinf=float("inf"), neginf=float("-inf"))
        rows, spare = list(block.unbind()), torch.empty_like(block[0])
        for low, high, keeps_low, keeps_high in comparators(len(rows), wanted):
            if keeps_low:
                torch.minimum(rows[low], rows[high], out=spare)
            if keeps_high:
                torch.maximum(rows[low], rows[high], out=rows[high])
            if keeps_low:
                rows[low], spare = spare, rows[low]
        yield cut, rows[first : last + 1]


def mean_between(inputs: Tensor, first: int, last: int, like: Tensor) -> Tensor:
    """Mean [d] of the order statistics first..last of each coordinate of inputs [m, d], summed in float64; dtype of `like` [d]."""
    import torch

    merged = torch.empty_like(like)
    for cut, rows in ordered(inputs, first, last):
        total = rows[0].double()
        for row in rows[1:]:
            total += row
        merged[cut] = (total / len(rows)).to(like.dtype)
    return merged


@lru_cache(maxsize=256)
def comparators(m: int, wanted: frozenset[int]) -> tuple[tuple[int, int, bool, bool], ...]:
    """(low, high, is the smaller used, is the larger used) of a network that puts the wanted order statistics in their places.

    Merge exchange for any m (Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M), without what nobody reads.
    """
    needed, kept = set(wanted), []
    for low, high in reversed(list(_merge_exchange(m))):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(kept))


def _merge_exchange(m: int) -> Iterator[tuple[int, int]]:
    top = 1 << max((m - 1).bit_length() - 1, 0)
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            yield from ((i, i + d) for i in range(m - d) if i & p == r)
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
