"""In which language notes are written, by their commonest small words, and the piece of them that says the least."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Small words that the other languages here do not share, with a few of notes, which are short of articles.
SMALL: Mapping[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "English": "the of and is are was were with without no there has not normal or from this right left",
        "German": "der die das und mit ohne kein keine nicht ist sind bei nach links rechts beidseits im vom zur des o.b. zustand",
        "French": "le la les des et avec sans pas est sont du une aux chez droite gauche dans pour",
        "Spanish": "el los las con sin del y se derecho izquierdo por una que normal no paciente",
        "Italian": "il lo gli della con senza non del sono dei alla destra sinistra nella per",
        "Portuguese": "os das dos com sem não uma à direita esquerda ao pela",
        "Dutch": "het een en met zonder geen niet van bij links rechts zijn voor",
    }.items()
}
LOOKED_AT = 500  # notes
LEAST = 2.0  # times as many small words as of English, before notes count as of another language
WORD = re.compile(r"[^\W\d_][\w.]*")
PIECE = re.compile(r"(?<=[.;!?])\s+|\s*;\s*|\n+")
LONGEST = 40  # characters of such a piece: a sentence about a patient is longer
SHARED, FEWEST = 0.1, 5  # of the notes, and notes, that have a piece which may stand for nothing
QUIET = re.compile(  # how pieces speak that find nothing
    r"\b(o\.? ?b\.?|unauffällig|unremarkable|normal\w*|no|nothing|none|kein\w*|ohne|nicht|without|sans|pas|sin|sem|senza|geen|nad|wnl|ras)(?!\w)",
    re.IGNORECASE,
)


def language(texts: Iterable[str]) -> str:
    """The language of most of the notes; "" where it is none of those that are known."""
    counts = Counter[str]()
    for _, text in zip(range(LOOKED_AT), texts, strict=False):
        words = {word.lower() for word in WORD.findall(text)}
        counts.update({name: len(words & small) for name, small in SMALL.items()})
    best = max(counts, key=lambda name: counts[name], default="")
    if not best or not counts[best]:
        return ""
    return best if best == "English" or counts[best] >= LEAST * counts["English"] else "English"


def saying_nothing(texts: pd.Series[Any]) -> str:
    """A piece without digits that finds nothing and that many notes share: the most frequent one; "" where there is none."""
    found = Counter(piece for text in texts for piece in {each.strip() for each in PIECE.split(text)} if _quiet(piece))
    common = [(n, piece) for piece, n in found.items() if n >= max(FEWEST, SHARED * len(texts))]
    return max(common, default=(0, ""), key=lambda each: (each[0], -len(each[1]), each[1]))[1]


def _quiet(piece: str) -> bool:
    return 0 < len(piece) <= LONGEST and not any(mark.isdigit() for mark in piece) and QUIET.search(piece) is not None
