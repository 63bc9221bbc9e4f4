"""A model of characters from counts: any script, milliseconds. Interpolated Witten-Bell smoothing over contexts of rising length.

p_k(c | h) = (n(hc) + t(h) p_{k-1}(c | h')) / (n(h) + t(h)): t different characters were seen after the context h, h' is h without its
first one; p_{-1} is uniform over the alphabet, the end, and one place for all characters that are not in it.
Witten and Bell 1991; Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Ints = NDArray[np.int64]

START, END, FIRST = 0, 1, 2  # symbols: before and after a text, and the first character


@dataclass(frozen=True, slots=True)
class Order:
    """Contexts of one length. grams: codes of (context, character), ascending; count of each; total and kinds of each context."""

    grams: Ints
    count: Ints
    total: Ints
    kinds: Ints


@dataclass(frozen=True, slots=True)
class Reference:
    """What `fit` learnt. alphabet: code points, ascending."""

    alphabet: NDArray[np.uint32]
    orders: tuple[Order, ...]

    @property
    def size(self) -> int:
        """Symbols that there are: start, end, the alphabet, and one for all other characters."""
        return FIRST + len(self.alphabet) + 1

    def surprise(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Negative log probability in nats, and number of predicted symbols (characters and the end), of each text [n]."""
        symbols, text = self._symbols(texts)
        context, chance = (
            np.zeros(len(symbols), np.int64),
            np.full(len(symbols), 1 / (self.size - 1)),
        )  # nothing goes on with a start
        for order in self.orders:
            gram = _found(order.grams, np.where(context >= 0, context * self.size + symbols, -1))
            total, kinds = (np.where(context >= 0, part[context], 0) for part in (order.total, order.kinds))
            seen = np.where(gram >= 0, order.count[gram], 0)
            chance = np.where(total > 0, (seen + kinds * chance) / np.maximum(total + kinds, 1), chance)
            context = np.roll(gram, 1)
        scored = symbols != START
        nats = np.bincount(text[scored], -np.log(chance[scored]), minlength=len(texts)).astype(np.float64)
        return nats, np.bincount(text[scored], minlength=len(texts)).astype(np.float64)

    def _symbols(self, texts: Sequence[str]) -> tuple[Ints, Ints]:
        """All texts one after the other as symbols, as many starts before each as the longest context; and whose each symbol is."""
        before = len(self.orders) - 1
        lengths = np.array([before + len(text) + 1 for text in texts])
        symbols = np.zeros(lengths.sum(), np.int64)
        ends = np.cumsum(lengths) - 1
        inside = np.ones(len(symbols), bool)
        inside[ends] = False
        for step in range(before):
            inside[ends - lengths + 1 + step] = False
        symbols[ends] = END
        at = _found(self.alphabet, points(texts))
        symbols[inside] = FIRST + np.where(at >= 0, at, len(self.alphabet))
        return symbols, np.repeat(np.arange(len(texts)), lengths)


def fit(texts: Sequence[str], order: int) -> Reference:
    """Counts of all contexts of up to `order` - 1 characters."""
    empty = Reference(np.unique(points(texts)), (Order(*(np.zeros(0, np.int64),) * 4),) * order)
    symbols, _ = empty._symbols(texts)
    context, orders = np.zeros(len(symbols), np.int64), []
    scored = symbols != START
    for _ in range(order):
        grams, gram = np.unique(context * empty.size + symbols, return_inverse=True)
        count = np.bincount(gram[scored], minlength=len(grams))
        of = grams // empty.size
        total, kinds = (np.bincount(of, part).astype(np.int64) for part in (count, count > 0))
        orders.append(Order(grams, count, total, kinds))
        context = np.roll(gram, 1)
    return Reference(empty.alphabet, tuple(orders))


def points(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Code points of all characters, one after the other."""
    return np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)


def _found(known: NDArray[Any], wanted: NDArray[Any]) -> Ints:
    """Position of each in the ascending array, -1 where it is not there."""
    if not len(known):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    found: Ints = np.where(known[at] == wanted, at, -1)
    return found
