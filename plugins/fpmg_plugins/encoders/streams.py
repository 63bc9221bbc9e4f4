"""Decoding in streams: beside the vectors only the records themselves grow with their number."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from fpmg_bench.types import Series, Table, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from fpmg_bench.types import ModalityData

STREAM = 512  # records encoded or decoded at once


def decoded(z: Tensor, records: Callable[[Tensor], ModalityData], size: int = STREAM) -> ModalityData:
    """Tables, series or texts of vectors [n, dim], made `size` vectors at a time; records maps vectors to records row by row."""
    chunks = torch.split(z, size) if len(z) else (z,)
    parts = (records(chunk) for chunk in chunks)
    first = next(parts)
    return first if len(chunks) == 1 else _joined(len(z), first, parts)


def _joined(n: int, first: ModalityData, rest: Iterator[ModalityData]) -> ModalityData:
    if isinstance(first, Series):
        return _filled(n, first, rest)
    if isinstance(first, Text):
        return Text(tuple(chain.from_iterable(part.strings for part in chain([first], rest) if isinstance(part, Text))))
    frames = [part.frame for part in chain([first], rest) if isinstance(part, Table)]
    return Table(pd.concat(frames, ignore_index=True))


def _filled(n: int, first: Series, rest: Iterator[ModalityData]) -> Series:
    """Written where they belong, as joining at the end would need twice the memory."""
    whole = Series(*(np.empty((n, *part.shape[1:]), part.dtype) for part in (first.time, first.values, first.seen)))
    start = 0
    for part in chain([first], rest):
        assert isinstance(part, Series)
        rows = slice(start, start + len(part))
        whole.time[rows], whole.values[rows], whole.seen[rows] = part.time, part.values, part.seen
        start += len(part)
    return whole
