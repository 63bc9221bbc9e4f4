"""Noise of privacy: a discrete Gaussian on a stated grid (Canonne, Kamath and Steinke 2020), for sums rounded to the same grid.

In the grid's steps its parameter is always `SIGMA`: P[k] is proportional to exp(-k^2 / (2 SIGMA^2)) for every whole k. So floating
point can tell nothing (Mironov 2012): what leaves is a whole number times the grid's step. docs/decisions/059 says how far from the
law a number may be (2^-63), and from the continuous Gaussian that accountants know.

Drawn by rejection, in whole numbers: |k| = m BIN + r, m by the alias method (Walker; Vose 1991) from weights exp(-(m BIN)^2 / 2 SIGMA^2)
of 64 bits, r uniform below BIN, kept with probability exp(-r (2 m BIN + r) / (2 SIGMA^2)) by algorithm 1 of the paper, which is exact.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import PrivacyError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.cipher import Stream

    Whole = NDArray[np.int64]
    Words = NDArray[np.uint64]

SIGMA = 2**19  # steps of the grid to a standard deviation
BIN_BITS, BINS_BITS, CHANCE_BITS = 11, 12, 39  # of a word, with one for the sign: 63. 2^CHANCE_BITS = 2 SIGMA^2
BINS = 2**BINS_BITS  # up to 16 standard deviations: what lies beyond has probability 1e-57
AT_ONCE = 2**14  # numbers: words and tables stay in the cache
COARSEST = 0.5  # share of a sum's sensitivity that may be rounding's


def noised(total: Tensor, bound: float, sigma: float, stream: Stream) -> Tensor:
    """A float64 sum of any shape, on the CPU, rounded to the grid, plus noise of standard deviation sigma x its sensitivity.

    bound: how far one patient moves the sum, in L2; rounding n numbers adds up to sqrt(n) steps, which the grid allows for.
    PrivacyError where it would be most of the sensitivity. sigma 0: the sum as it is.
    """
    import torch

    if not sigma:
        return total
    flat = total.detach().reshape(-1).numpy()
    step = grid(flat.size, bound, sigma)
    found = (np.rint(flat / step) + gaussian(flat.size, stream)) * step
    return torch.from_numpy(found).reshape(total.shape)


def grid(n: int, bound: float, sigma: float) -> float:
    """The step of the grid for a sum of n numbers: sigma x (bound + sqrt(n) steps) / SIGMA, solved for the step."""
    rounding = sigma * math.sqrt(n) / SIGMA
    if rounding > COARSEST:
        raise PrivacyError(
            f"noise multiplier {sigma:.4g} on {n:,} numbers: the grid of the noise is too coarse for it", "use fewer numbers"
        )
    return sigma * bound / (1 - rounding) / SIGMA


def gaussian(n: int, stream: Stream) -> Whole:
    """n independent numbers of the discrete Gaussian with parameter `SIGMA`."""
    found = np.empty(n, dtype=np.int64)
    for start in range(0, n, AT_ONCE):
        part = found[start : start + AT_ONCE]
        todo: Whole | slice = slice(None)
        count = len(part)
        while count:
            part[todo], kept = _proposed(count, stream)
            again = np.flatnonzero(~kept)
            todo = again if isinstance(todo, slice) else todo[again]
            count = len(again)
    return found


def _proposed(n: int, stream: Stream) -> tuple[Whole, NDArray[np.bool_]]:
    """n numbers, and which of them are kept."""
    threshold, other = _aliases()
    words = stream.words(2 * n)
    coin, bits = words[:n], words[n:]
    column = (bits >> np.uint64(64 - BINS_BITS)).view(np.int64)
    start = np.where(coin < threshold[column], column, other[column]) << BIN_BITS
    rest = (bits >> np.uint64(CHANCE_BITS)).view(np.int64) & (2**BIN_BITS - 1)
    size = start + rest
    against = rest * (start + size)  # over 2 SIGMA^2: minus the logarithm of the chance to be kept, below 1/16
    kept = (bits & np.uint64(2**CHANCE_BITS - 1)).view(np.int64) >= against
    doubtful = np.flatnonzero(~kept)
    kept[doubtful] = _exponential(against[doubtful], stream)
    negative = (bits >> np.uint64(CHANCE_BITS + BIN_BITS)).view(np.int64) & 1
    kept &= (size > 0) | (negative == 0)  # zero has one sign
    return (size ^ -negative) + negative, kept


def _exponential(against: Whole, stream: Stream) -> NDArray[np.bool_]:
    """Algorithm 1 from its second trial on: True with probability exp(-g) given that the first came true, g = against / 2^39."""
    kept = np.zeros(len(against), dtype=np.bool_)
    left, trial = np.arange(len(against)), 2
    while len(left):
        words = stream.words(2 * len(left))
        chance = (words[: len(left)] >> np.uint64(64 - CHANCE_BITS)).view(np.int64) < against[left]
        true = chance & (words[len(left) :] % np.uint64(trial) == 0)
        kept[left[~true]] = trial % 2 == 1
        left, trial = left[true], trial + 1
    return kept


@lru_cache(maxsize=1)
def _aliases() -> tuple[Words, Whole]:
    """(threshold, other) [BINS]: a column is its own bin where a word is below its threshold, else `other`. 60 digits, rounded to 2^-64."""
    exact = Context(prec=60)
    ratio = exact.exp(Decimal(-1) / Decimal(2 * (SIGMA >> BIN_BITS) ** 2))
    weight, factor, weights = Decimal(1), ratio, []
    for _ in range(BINS):
        weights.append(weight)
        weight, factor = exact.multiply(weight, factor), exact.multiply(factor, exact.multiply(ratio, ratio))
    total = Decimal(0)
    for each in weights:
        total = exact.add(total, each)
    share = [exact.divide(exact.multiply(each, Decimal(BINS)), total) for each in weights]
    threshold, other = np.full(BINS, 2**64 - 1, dtype=np.uint64), np.arange(BINS)
    small, large = [m for m in range(BINS) if share[m] < 1], [m for m in range(BINS) if share[m] >= 1]
    while small and large:
        low, high = small.pop(), large.pop()
        threshold[low] = min(int(exact.multiply(share[low], Decimal(2**64)).to_integral_value()), 2**64 - 1)
        other[low] = high
        share[high] = exact.subtract(exact.add(share[high], share[low]), Decimal(1))
        (small if share[high] < 1 else large).append(high)
    return threshold, other
