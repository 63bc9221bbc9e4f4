"""Which levels of two columns nobody has together, from an exchanged contingency, and records that keep to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from fpmg_plugins.encoders import dither

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

MOST = 16_384  # pairs of levels that are counted; a table with more is not
EXPECTED = 5.0  # patients who would have a pair by chance, at least, before its absence says anything


def pairs(sizes: Sequence[int]) -> Tensor:
    """[2, m] every two levels of different columns, by their place in the one-hot form."""
    owner = torch.arange(len(sizes)).repeat_interleave(torch.tensor(list(sizes), dtype=torch.int64))
    first, second = torch.triu_indices(len(owner), len(owner), offset=1)
    found = torch.stack([first, second])[:, owner[first] != owner[second]]
    return found if found.shape[1] <= MOST else found[:, :0]


def bins(codes: Tensor, sizes: Sequence[int]) -> Tensor:
    """[n, m] which pairs of levels each record has; codes [n, columns]."""
    if not len(sizes):
        return torch.zeros(len(codes), 0)
    levels = torch.cat([F.one_hot(codes[:, j], size).float() for j, size in enumerate(sizes)], dim=1)
    first, second = pairs(sizes)
    return levels[:, first] * levels[:, second]


def never(counts: Tensor, sizes: Sequence[int]) -> Tensor:
    """[L, L] bool: levels of two columns that nobody has together, though EXPECTED patients, and the logarithm of the pairs that

    have so many to expect, would by chance: of independent columns less than one pair is absent. counts [m] of `pairs`, or none;
    the last level of a column, "missing", goes with all.
    """
    total = sum(sizes)
    found = torch.zeros(total, total, dtype=torch.bool)
    first, second = pairs(sizes)
    if not len(counts) or len(counts) != len(first):
        return found
    owner = torch.arange(len(sizes)).repeat_interleave(torch.tensor(list(sizes), dtype=torch.int64))
    missing = torch.zeros(total, dtype=torch.bool)
    missing[torch.tensor(list(sizes)).cumsum(0) - 1] = True
    both = torch.zeros(total, total, dtype=torch.float64)
    both[first, second] = counts.double()
    both = (both + both.T) * ~(missing[:, None] | missing[None, :])
    column = F.one_hot(owner, len(sizes)).double()
    beside = both @ column  # [L, columns]: patients with the level of whom the other column is known too
    known = column.T @ beside
    expected = beside[:, owner] * beside[:, owner].T / known[owner][:, owner].clamp(min=1.0)
    bound = max(EXPECTED, math.log(max(1, int((expected >= EXPECTED).sum()) // 2)))
    return (expected >= bound) & (both == 0)


def levels(probabilities: Sequence[Tensor], banned: Tensor, shift: Tensor, first: int) -> list[Tensor]:
    """Levels [n] of each column, one after another, at their own rates among what the columns before leave possible.

    A column to which nothing is left says what it would have said. first: cells of the record already dithered.
    """
    found: list[Tensor] = []
    at = 0
    out = torch.zeros(len(shift), len(banned), dtype=torch.bool)
    for j, probability in enumerate(probabilities):
        here = slice(at, at + probability.shape[1])
        left = probability * ~out[:, here]
        whole = left.sum(1, keepdim=True)
        possible = torch.where(whole > 0, left / whole.clamp(min=1e-30), probability)
        chosen = dither.level(possible, shift, first + j)
        out |= banned[at + chosen]
        found.append(chosen)
        at = here.stop
    return found
