"""Fixed point under pairwise masks: whole numbers modulo a power of two, where addition is exact and a uniform mask hides all.

Of each pair of silos the lower one adds a mask and the higher one subtracts it (Bonawitz et al., 2017): every vector is uniform on
its own, and the masks cancel exactly in the sum over all of them. A mask is a keystream of the pair's secret (`masks.pairs`), under a
key of its own for each vector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.cipher import keystream
from fpmg_bench.keys import key_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.federation.masks.pairs import Secrets

    Reals = NDArray[np.float64]
    Words = NDArray[np.uint64]  # [words, d], the lowest word first

BITS = 64


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Numbers modulo 2^(64 words), `fraction` of the bits after the point."""

    words: int
    fraction: int

    @property
    def bytes(self) -> int:
        """Of one number."""
        return self.words * BITS // 8

    @property
    def limit(self) -> float:
        """What the absolute values of all terms of a sum may add up to: half of the signed range."""
        return 2.0 ** (BITS * self.words - self.fraction - 2)

    @property
    def unit(self) -> float:
        """The value of 1 in the highest word."""
        return 2.0 ** (BITS * (self.words - 1) - self.fraction)


# Weights: a step of 2^-40 = 9e-13, so n silos are off by n 4.5e-13 at most, which is 1e-6 of a model whose root mean square is
# n 4.5e-7 or more. 32 bits, scaled to fit, would do so only where no weight exceeds 4,300 / n times the root mean square.
MODELS = FixedPoint(words=1, fraction=40)
# Statistics, where they need it: counts and second moments of unscaled columns need range (2^62), small moments digits (2^-64).
SUMS = FixedPoint(words=2, fraction=64)
SMALL = 2.0**-6  # the least largest number of a tensor for which a step of 2^-40 is exact to 1e-9 (of 30 silos)


def fits(values: Reals, point: FixedPoint, terms: int) -> bool:
    """Whether a sum of `terms` such vectors cannot leave the range; False for values that are not finite."""
    import numpy as np

    return not values.size or bool(np.abs(values).max() <= point.limit / terms)


def encode(values: Reals, point: FixedPoint) -> Words:
    """The nearest fixed-point numbers of values [d] that fit, as [words, d]; negative ones as two's complement."""
    import numpy as np

    size = np.abs(values / point.unit)
    if point.words == 1:
        words = np.rint(size).astype(np.uint64)[None]
    else:
        whole = np.floor(size)
        words = np.stack([((size - whole) * 2.0**BITS).astype(np.uint64), whole.astype(np.uint64)])
    return np.where(values < 0, _negative(words), words)


def decode(words: Words, point: FixedPoint) -> Reals:
    """Float64 [d]; the inverse of `encode`."""
    import numpy as np

    below = words[-1].view(np.int64) < 0
    size = np.where(below, _negative(words), words).astype(np.float64)
    value: Reals = size[-1] + (size[0] * 2.0**-BITS if point.words == 2 else 0.0)
    return np.where(below, -value, value) * point.unit


def wide(tensors: Iterable[Reals], terms: int) -> bool:
    """Whether a sum of `terms` such tensors needs 128 bits: where one's largest number has no room in 64, or too few digits."""
    import numpy as np

    largest = [float(np.abs(values).max()) for values in tensors if values.size]
    return any(not most <= MODELS.limit / terms or 0 < most < SMALL for most in largest)


def masked(numbers: Mapping[int, Words], secrets: Mapping[int, Secrets], *what: str | int) -> dict[int, Words]:
    """What each silo sends: its numbers [words, d] under masks with all others here. what: names the vector, no two alike."""
    return {silo: hidden(words, silo, numbers, secrets[silo], *what) for silo, words in numbers.items()}


def hidden(words: Words, silo: int, silos: Iterable[int], secrets: Secrets, *what: str | int) -> Words:
    """What one silo sends: its numbers [words, d] plus its masks with these silos."""
    sent = words.copy()
    for other in sorted(set(silos) - {silo}):
        mask = stream(key_for(secrets[other], *what), sent.shape)
        (_add if silo < other else _subtract)(sent, mask)
    return sent


def added(words: Words, other: Words) -> Words:
    """Their sum, modulo 2^(64 words)."""
    result = words.copy()
    _add(result, other)
    return result


def removed(words: Words, other: Words) -> Words:
    """Their difference, modulo 2^(64 words)."""
    result = words.copy()
    _subtract(result, other)
    return result


def total(parts: Iterable[Words]) -> Words:
    """Their sum [words, d], modulo 2^(64 words)."""
    first, *others = parts
    result = first.copy()
    for part in others:
        _add(result, part)
    return result


def stream(key: bytes, shape: tuple[int, ...]) -> Words:
    """Uniform words of a key."""
    import math

    return keystream(key, math.prod(shape)).reshape(shape)


def _negative(words: Words) -> Words:
    import numpy as np

    result = np.zeros_like(words)
    _subtract(result, words)
    return result


def _add(mine: Words, other: Words) -> None:
    """In place, with a carry from the lower word into the higher one."""
    mine += other
    if len(mine) == 2:
        mine[1] += mine[0] < other[0]


def _subtract(mine: Words, other: Words) -> None:
    """In place, with a borrow."""
    if len(mine) == 2:
        mine[1] -= mine[0] < other[0]
    mine -= other
