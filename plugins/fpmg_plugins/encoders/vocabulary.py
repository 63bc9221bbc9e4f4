"""A small public vocabulary for clinical English: frequent words, common pieces, single characters. Never learnt from patients.

Text is lower-cased and its accents are stripped; a character outside printable ASCII reads as "?". Everything else is reversible.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

END = 0  # ends a text and fills what is behind it
UNKNOWN = "?"
CHARACTERS = tuple(chr(code) for code in range(32, 127) if not chr(code).isupper())


@lru_cache(maxsize=1)
def pieces() -> tuple[str, ...]:
    """Index -> text of a piece; index 0 is END. A word carries the space before it."""
    lines = resources.files(__package__).joinpath("vocabulary.txt").read_text("ascii").splitlines()
    listed = [line.replace("_", " ", 1) for line in lines if line and not line.startswith("#")]
    digits = [f" {digit}" for digit in range(10)]
    return ("", *CHARACTERS, *digits, *(piece for piece in dict.fromkeys(listed) if len(piece) > 1))


@lru_cache(maxsize=1)
def _index() -> dict[str, int]:
    return {piece: at for at, piece in enumerate(pieces()) if piece}


def encode(strings: Sequence[str], length: int) -> NDArray[np.int64]:
    """Piece indices [n, length], longest match first; what is too long is cut, what is short ends with END."""
    found = np.full((len(strings), length), END, dtype=np.int64)
    for row, string in enumerate(strings):
        codes = _codes(plain(string), length)
        found[row, : len(codes)] = codes
    return found


def decode(codes: Sequence[int]) -> str:
    """The text of the pieces up to END."""
    known = pieces()
    parts = []
    for code in codes:
        if code == END:
            break
        parts.append(known[code])
    return "".join(parts).strip()


def plain(string: str) -> str:
    """Lower case, no accents, single spaces, printable ASCII."""
    flat = "".join(c for c in unicodedata.normalize("NFKD", string) if not unicodedata.combining(c))
    lowered = " ".join(flat.lower().split())
    return "".join(c if c in CHARACTERS else UNKNOWN for c in lowered)


def _codes(string: str, length: int) -> list[int]:
    index, longest = _index(), max(map(len, pieces()))
    text = f" {string}" if string else ""
    codes: list[int] = []
    at = 0
    while at < len(text) and len(codes) < length:
        size = next(size for size in range(longest, 0, -1) if text[at : at + size] in index)
        size = min(size, len(text) - at)
        codes.append(index[text[at : at + size]])
        at += size
    return codes
