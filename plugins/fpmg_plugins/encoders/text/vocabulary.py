"""A small public vocabulary for clinical English: words, phrases, common pieces, single characters. Never learnt from patients.

Pieces that say a finding (`metrics.findings`) come last, in the order of `findings_said`. Text is lower-cased and its accents are stripped; a character outside printable ASCII reads as "?". Everything else is reversible.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from fpmg_plugins import findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

END = 0  # ends a text and fills what is behind it
UNKNOWN = "?"
DENIALS = (" no", " not", " without", " denies", " denied", " never", " neither", " nor", " cannot", " negative for", " free of")
PHRASES = (" no evidence of", " there is no", " there are no", " without mention of", " not in")  # they deny, too
BREAKS = (" but", " however", " although", " though", " except", " which", " who", " because", " secondary to")
WHOLE = frozenset({*DENIALS, *PHRASES, *BREAKS})
CHARACTERS = tuple(chr(code) for code in range(32, 127) if not chr(code).isupper())


@lru_cache(maxsize=1)
def pieces() -> tuple[str, ...]:
    """Index -> text of a piece; index 0 is END. A word carries the space before it."""
    lines = resources.files(__package__).joinpath("vocabulary.txt").read_text("ascii").splitlines()
    listed = [line.replace("_", " ", 1) for line in lines if line and not line.startswith("#")]
    digits = [f" {digit}" for digit in range(10)]
    known = dict.fromkeys((*digits, *DENIALS, *PHRASES, *BREAKS, *listed, *(f" {form}" for form in findings.words())))
    words = sorted((piece for piece in known if len(piece) > 1), key=lambda piece: said(piece) is not None)
    return ("", *CHARACTERS, *words)


def said(piece: str) -> str | None:
    """The finding that a word or phrase says, if any."""
    if not piece.startswith(" "):
        return None
    return next((found for word in piece.split() if (found := findings.finding(word)) is not None), None)


@lru_cache(maxsize=1)
def _index() -> dict[str, int]:
    return {piece: at for at, piece in enumerate(pieces()) if piece}


@lru_cache(maxsize=1)
def _sizes() -> dict[str, tuple[int, ...]]:
    """First two characters -> lengths of the pieces that begin so, longest first."""
    sizes: dict[str, set[int]] = {}
    for piece in _index():
        sizes.setdefault(piece[:2], set()).add(len(piece))
    return {start: tuple(sorted(found, reverse=True)) for start, found in sizes.items()}


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
    text = f" {string}" if string else ""
    codes: list[int] = []
    at = 0
    while at < len(text) and len(codes) < length:
        code, size = _longest(text, at)
        codes.append(code)
        at += size
    return codes


def _longest(text: str, at: int) -> tuple[int, int]:
    """(index, characters) of the longest piece at a place. What denies or ends a denial is taken as a whole word only."""
    index = _index()
    for size in (*_sizes().get(text[at : at + 2], ()), 1):
        piece = text[at : at + size]
        inside = text[at + size : at + size + 1].isalpha()
        if piece in index and not (inside and piece in WHOLE):
            return index[piece], len(piece)
    raise ValueError(f"character {text[at]!r} is in no piece")
