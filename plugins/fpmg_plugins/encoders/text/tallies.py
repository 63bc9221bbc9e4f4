"""How often words and sequences of words occur, as sums of fixed length over patients that no list of words goes before.

Every beginning of a word and every sequence is counted in `ROWS` hashed places (Cormode & Muthukrishnan, 2005); what is frequent is found
again by walking: byte by byte for words (as federated heavy hitters, Zhu et al., 2020), joining pairs for sequences. A silo counts a
sequence only where all that is shorter in it is frequent at that silo (Agrawal & Srikant, 1994), so the places stay sparse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fpmg_plugins.encoders.text.vocabulary import said
from fpmg_plugins.encoders.text.words import EDGE, RARE, ROOT, STOP, followed, keys_of, mixed, spelled, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import State

    Keys = NDArray[np.uint64]
    Counts = NDArray[np.floating]

ROWS = 3
PLACES = {1: 1 << 15, 2: 1 << 16, 3: 1 << 16, 4: 1 << 16}  # of a row, by the number of words; 1: beginnings of words
ORDERS = (2, 3, 4)
FULL = 8  # at most one place in so many is kept, the highest: else chance finds sequences that nobody wrote
SURE = 4.5  # standard deviations of the noise that a kept count is above
MOST_WORDS, MOST = 2048, 40_000  # words and sequences of each length that are found again
ENTRIES = 1024.0  # squared norm of a patient's row under privacy: places that count in full


def counted(shard: Shard, least: int) -> State:
    """ "words/1" .. "words/4": this silo's counts by place, each patient's records sharing a weight of 1; below `least` they are 0."""
    found: dict[int, Tensor] = {1: _counted(shard, 1, least, _beginnings)}
    for order in ORDERS:
        known = found[1].numpy(), found[order - 1].numpy()
        found[order] = _counted(shard, order, least, partial(_sequences, order=order, single=known[0], shorter=known[1]))
    return {f"words/{order}": sums.to(torch.bfloat16) for order, sums in found.items()}


def _counted(shard: Shard, order: int, least: int, keys: Callable[[str], Keys]) -> Tensor:
    clip = ENTRIES**0.5
    sums = shard.counts(lambda rows: _bins(rows.strings, order, keys), clip)
    return kept(sums, order, max(least, SURE * shard.noise * clip))


def kept(sums: Tensor, order: int, least: float) -> Tensor:
    """Counts below `least` are 0, and so are the smallest of a row where more than one in `FULL` is left."""
    rows = sums.reshape(ROWS, PLACES[order])
    many = PLACES[order] // FULL
    floor = torch.topk(rows, many + 1, dim=1).values[:, -1:]
    return torch.where((rows >= least - 1e-6) & (rows > floor), rows, 0.0).reshape(-1)


def _bins(strings: Sequence[str], order: int, keys: Callable[[str], Keys]) -> Tensor:
    """Sparse [n, ROWS * places]: 1 where a text has a key in that place."""
    places = [np.unique(_places(keys(string), order)) for string in strings]
    row = np.repeat(np.arange(len(places)), [len(part) for part in places])
    at = np.stack([row, np.concatenate(places)]) if len(row) else np.zeros((2, 0), dtype=np.int64)
    width = (len(strings), ROWS * PLACES[order])
    return torch.sparse_coo_tensor(
        torch.from_numpy(at), torch.ones(at.shape[1]), width, check_invariants=False, is_coalesced=True
    )


def _places(keys: Keys, order: int) -> NDArray[np.int64]:
    """The places of keys, row after row [ROWS * n]."""
    size = np.uint64(PLACES[order])
    return np.concatenate(
        [(mixed(keys + np.uint64(7 + row)) % size).astype(np.int64) + row * PLACES[order] for row in range(ROWS)]
    )


def estimated(sums: Counts, keys: Keys, order: int) -> NDArray[np.floating]:
    """How many patients' texts have each key, at most."""
    found: NDArray[np.floating] = sums[_places(keys, order)].reshape(ROWS, -1).min(axis=0)
    return found


def _beginnings(text: str) -> Keys:
    return np.concatenate([np.zeros(0, dtype=np.uint64), *(spelled(word) for word in set(words(text)))])


def _sequences(text: str, order: int, single: Counts, shorter: Counts) -> Keys:
    """Keys of the text's sequences of so many words, all parts of which are frequent; the edges of a text count as words.

    A finding that is rare counts as `RARE`, whatever it is: Brown et al., 1992, with classes from a public list.
    """
    parts = words(text)
    keys = keys_of(text)
    seen = estimated(single, keys, 1) > 0
    for at in np.flatnonzero(~seen):
        if finds(parts[at]):
            keys[at : at + 1] = RARE[parts[at].strip()[0].isupper()]
            seen[at] = True
    whole, heavy = np.concatenate([EDGE, keys, EDGE]), np.concatenate([[True], seen, [True]])
    if len(whole) < order:
        return np.zeros(0, dtype=np.uint64)
    if order > 2:
        heavy = estimated(shorter, joined(whole, order - 1), order - 1) > 0
    kept: Keys = joined(whole, order)[heavy[:-1] & heavy[1:]]
    return kept


@lru_cache(maxsize=1 << 16)
def finds(word: str) -> bool:
    """Does the word say a finding of the public list?"""
    return said(f" {word.strip().lower()}") is not None


def joined(keys: Keys, order: int) -> Keys:
    """Keys of the sequences of `order` neighbours; one word's is its own."""
    found = keys[: len(keys) - order + 1]
    for step in range(1, order):
        found = followed(found, keys[step : len(keys) - order + 1 + step])
    return found


@dataclass(frozen=True)
class Agreed:
    """What silos found frequent together. words: by falling count; sequences[order] int32 [m, order] of words' numbers, 1 and up,

    0 the edge of a text, the two behind the last a rare finding, small and capital; counts[order] float32 [m], of single words at 1.
    """

    words: tuple[str, ...]
    sequences: dict[int, NDArray[np.int32]]
    counts: dict[int, NDArray[np.float32]]


def agreed(stats: State) -> Agreed:
    """Words and sequences of the summed counts."""
    sums = {order: kept(stats[f"words/{order}"].float(), order, 1e-6).numpy() for order in (1, *ORDERS)}
    listed, keys, counts = _words(sums[1])
    alphabet = np.concatenate([EDGE, keys, *RARE])
    every = np.arange(len(alphabet))
    pairs = np.stack([a.ravel() for a in np.meshgrid(every, every, indexing="ij")], axis=1)
    sequences, found = {}, {1: counts}
    for order in ORDERS:
        pairs, found[order] = _frequent(pairs, alphabet, sums[order], order)
        sequences[order] = pairs.astype(np.int32)
        pairs = _longer(pairs)
    return Agreed(listed, sequences, found)


def _words(sums: Counts) -> tuple[tuple[str, ...], Keys, NDArray[np.float32]]:
    """Every word whose beginnings are all frequent, the commonest first."""
    begun: list[tuple[bytes, Any]] = [(b"", ROOT[0])]
    found: list[tuple[float, bytes, Any]] = []
    following = np.arange(STOP + 1, dtype=np.uint64)
    while begun:
        keys = np.array([key for _, key in begun], dtype=np.uint64)
        longer = followed(np.repeat(keys, STOP + 1), np.tile(following, len(keys)))
        counts = estimated(sums, longer, 1)
        going = []
        for at in np.flatnonzero(counts > 0):
            start, byte = begun[at // (STOP + 1)][0], int(at % (STOP + 1))
            if byte == STOP:
                found.append((float(counts[at]), start, longer[at]))
            elif len(start) < 4 * 26:
                going.append((start + bytes([byte]), longer[at]))
        begun = going
    known = sorted((-count, text, key) for count, text, key in found if _is_word(text))[:MOST_WORDS]
    keys = np.array([key for _, _, key in known], dtype=np.uint64)
    return tuple(text.decode() for _, text, _ in known), keys, np.array([-count for count, _, _ in known], dtype=np.float32)


def _is_word(text: bytes) -> bool:
    """Chance can spell what no text says."""
    try:
        return words(text.decode().removeprefix(" "))[:1] in ([text.decode()], [f" {text.decode()}"])
    except UnicodeDecodeError:
        return False


def _frequent(rows: NDArray[np.intp], alphabet: Keys, sums: Counts, order: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    keys = alphabet[rows[:, 0]]
    for step in range(1, order):
        keys = followed(keys, alphabet[rows[:, step]])
    counts = estimated(sums, keys, order)
    best = np.argsort(-counts, kind="stable")[: min(MOST, int((counts > 0).sum()))]
    return rows[best], counts[best].astype(np.float32)


def _longer(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows [m, order + 1]: two sequences of which one ends as the other begins. No text goes on behind its edge."""
    rows = rows[np.lexsort(rows.T[::-1])]
    size = int(rows.max(initial=0)) + 1
    scale = size ** np.arange(rows.shape[1] - 1)[::-1].astype(np.int64)
    begins, ends = rows[:, :-1] @ scale, rows[:, 1:] @ scale
    low, high = np.searchsorted(begins, ends, "left"), np.searchsorted(begins, ends, "right")
    many = np.where((rows[:, 1:] != 0).all(axis=1), high - low, 0)
    first = np.repeat(np.arange(len(rows)), many)
    second = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many) + np.repeat(low, many)
    return np.concatenate([rows[first], rows[second][:, -1:]], axis=1)
