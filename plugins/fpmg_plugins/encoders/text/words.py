"""A text of any script as words, and their hashes: nothing is looked up in a list of one language.

A word carries the space before it, so that joining words is writing. Letters of scripts that put no spaces between words (Han, kana,
Thai, Lao, Khmer, Burmese) are words of their own, and so is every digit, mark or symbol; a digit takes
the point, comma, colon or stroke right before it along.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LONGEST = 24  # characters of a word; the rest is another word
STOP = 256  # what follows the last byte of a word when it is spelled
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd"
_WORD = re.compile(rf" ?(?:[{_ALONE}]|(?:(?![{_ALONE}])[^\W\d_]|[{_MARKS}]){{1,{LONGEST}}}|[.,:/]\d|\S)")


def words(text: str) -> list[str]:
    """The words of a text, in order; runs of white space are one space. "".join(words(text)).strip() is the text again."""
    return _WORD.findall(f" {flat}" if (flat := " ".join(unicodedata.normalize("NFC", text).split())) else "")


def mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele et al., 2014): neighbouring keys go far apart."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def followed(keys: NDArray[np.uint64], by: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Keys of sequences that are one part longer."""
    return mixed(keys * np.uint64(0x9E3779B97F4A7C15) + by + np.uint64(1))


ROOT = mixed(np.array([0], dtype=np.uint64))  # the key of what has not begun
EDGE = mixed(np.array([1], dtype=np.uint64))  # the key of the word before the first and behind the last
RARE = (mixed(np.array([2], dtype=np.uint64)), mixed(np.array([3], dtype=np.uint64)))  # of a rare finding, small and capital


@lru_cache(maxsize=1 << 16)
def spelled(word: str) -> NDArray[np.uint64]:
    """Keys of the beginnings of a word, byte by byte (UTF-8), the whole word's last. Read-only."""
    parts = np.array([*word.encode(), STOP], dtype=np.uint64)
    found = np.empty(len(parts), dtype=np.uint64)
    key = ROOT
    for at in range(len(parts)):
        found[at : at + 1] = key = followed(key, parts[at : at + 1])
    found.flags.writeable = False
    return found


def keys_of(text: str) -> NDArray[np.uint64]:
    """The key of each word, without the edges."""
    return np.array([_key(word) for word in words(text)], dtype=np.uint64)


@lru_cache(maxsize=1 << 16)
def _key(word: str) -> int:
    return int(spelled(word)[-1])


def codes(strings: Sequence[str], length: int, buckets: int) -> NDArray[np.int64]:
    """[n, length]: each word's bucket, 1 .. buckets - 1; 0 behind the text. What is longer is cut."""
    found = np.zeros((len(strings), length), dtype=np.int64)
    for row, string in enumerate(strings):
        keys = keys_of(string)[:length]
        found[row, : len(keys)] = 1 + (keys % np.uint64(buckets - 1)).astype(np.int64)
    return found


def seeded(numbers: NDArray[np.float32]) -> NDArray[np.uint64]:
    """A key [n] for each row [n, d] of numbers, from its bits alone."""
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little")
            for row in np.ascontiguousarray(numbers)
        ],
        dtype=np.uint64,
    )
