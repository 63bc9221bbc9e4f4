"""What a clinical text says was found: pairs (word, negated), their F1 between two lists of texts, and the constant text to beat.

A public list of about 350 words (`finding_words.txt`), not all words outside a stop list: reports repeat "silhouette", "contour",
"within limits", so over all content words a constant text scores high and a decoder is praised for style. Where and how much
(left, base, mild) are not counted either: what was found is. Inflected forms and plain equivalents (stable,
unchanged) count as one word.
Negation: NegEx (Chapman et al., A simple algorithm for identifying negated findings and diseases, J Biomed Inform 2001), with
its scope up to the next clause break instead of five words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Finding = tuple[str, bool]

REPEATS = 3  # a word said more often than that in a row is a stuck decoder
DANGLING = frozenset(
    {
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "by",
        "for",
        "from",
        "had",
        "has",
        "have",
        "in",
        "is",
        "no",
        "not",
        "of",
        "on",
        "or",
        "that",
        "the",
        "there",
        "this",
        "to",
        "was",
        "were",
        "with",
        "without",
    }
)
OPEN = ",-(/"  # marks that a text does not end on
_JOINED = (("ground glass", "ground-glass"), ("crazy paving", "crazy-paving"))
_LINES = re.compile(r"\b([ab])[ -]lines?\b")
_PSEUDO = re.compile(
    r"\b(?:no|without)(?: (?:significant|suspicious|interval|acute|further|definite))* (?:change|increase|decrease)s?\b"
    r"|\bgram[ -]negative\b|\bnot (?:only|necessarily|certain (?:if|whether))\b|\bwithout difficulty\b"
)
_PAST = r"\bnot (?:been |clearly |definitely )*(?:seen|identified|visuali[sz]ed|present|evident|demonstrated|appreciated|detected|noted|shown)\b"
_AFTER = re.compile(_PAST + r"|\b(?:ruled out|excluded|absent|unlikely)\b|\bnegative\b(?! for\b)")
_BEFORE = re.compile(
    r"\b(?:no|not|without|never|neither|nor|cannot|denie[sd]|denying|negative for|free (?:of|from)|clear of|absence of|lack of|"
    r"rules? out|ruled out for)\b"
)
_BREAK = re.compile(
    r"(?<!\d)\.|\.(?!\d)|[;:?!\n]|\b(?:but|however|although|though|nevertheless|yet|still|except|which|who|because|"
    r"other than|aside from|apart from|secondary to|as the (?:cause|source|reason) of)\b"
)
_WORD = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")


@lru_cache(maxsize=1)
def words() -> Mapping[str, str]:
    """Form -> finding, from the public list."""
    lines = resources.files(__package__).joinpath("finding_words.txt").read_text("ascii").splitlines()
    return {form: line.split()[0] for line in lines if line and not line.startswith("#") for form in line.split()}


@lru_cache(maxsize=1 << 13)
def findings(text: str) -> frozenset[Finding]:
    """The findings of a text, each with whether it is said to be absent. One that is both has both pairs."""
    return frozenset(pair for clause in _clauses(text) for pair in _read(clause))


def f1(real: Sequence[str], made: Sequence[str]) -> float:
    """Micro F1 over the pairs of texts that belong together; NaN where no text of either list says a finding.

    2 TP / (pairs in real + pairs in made); a finding with the wrong negation is wrong twice.
    """
    pairs = [(findings(a), findings(b)) for a, b in zip(real, made, strict=True)]
    said = sum(len(a) + len(b) for a, b in pairs)
    return 2 * sum(len(a & b) for a, b in pairs) / said if said else float("nan")


def commonest(train: Sequence[str]) -> str:
    """The constant text with the highest F1 on `train`: its k commonest pairs, k chosen exactly. Empty if there are none."""
    counts = Counter(pair for text in train for pair in findings(text))
    ranked = sorted(counts, key=lambda pair: (-counts[pair], pair))
    total, hits, best, kept = sum(counts.values()), 0, 0.0, 0
    for size, pair in enumerate(ranked, 1):
        hits += counts[pair]
        score = 2 * hits / (total + size * len(train))
        if score > best:
            best, kept = score, size
    return " ".join(f"No {word}." if negated else f"{word.capitalize()}." for word, negated in sorted(ranked[:kept]))


def well_formed(texts: Sequence[str], characters: int | None = None) -> float:
    """Share of texts that are not empty, printable, within `characters`, do not stutter and do not stop within a phrase."""
    return sum(_is_well_formed(text, characters) for text in texts) / len(texts) if len(texts) else float("nan")


def _is_well_formed(text: str, characters: int | None) -> bool:
    said = text.lower().split()
    if not said or not text.isprintable() or (characters is not None and len(text) > characters):
        return False
    stutters = any(len(set(said[at : at + REPEATS + 1])) == 1 for at in range(len(said) - REPEATS))
    return not stutters and said[-1] not in DANGLING and text.rstrip()[-1] not in OPEN


def _clauses(text: str) -> Iterator[str]:
    """Clauses in lower case without accents; phrases that only look negative are taken out."""
    flat = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    flat = _LINES.sub(r"\1-line", flat)
    for spaced, joined in _JOINED:
        flat = flat.replace(spaced, joined)
    yield from _BREAK.split(_PSEUDO.sub(" ", flat))


def _read(clause: str) -> Iterator[Finding]:
    """Pairs of one clause: negated from the first word of negation on, or as a whole before "not seen" and its like."""
    after = [match.start() for match in _AFTER.finditer(clause)]
    until = after[-1] if after else 0
    denied = _BEFORE.search(_AFTER.sub(lambda match: " " * len(match[0]), clause))
    start = denied.start() if denied else len(clause)
    for match in _WORD.finditer(clause):
        negated = match.start() < until or match.start() >= start
        for part, absent in _parts(match[0]):
            word = finding(part)
            if word is not None:
                yield word, negated or absent


def _parts(token: str) -> Iterator[tuple[str, bool]]:
    """A hyphenated word as it is listed, or its parts; "non-" denies what follows it."""
    if "-" not in token or finding(token) is not None:
        yield token, False
        return
    first, *rest = token.split("-")
    absent = first == "non"
    yield from ((part, absent) for part in ((*rest,) if absent else (first, *rest)))


def finding(word: str) -> str | None:
    """The finding that a lower-case word is a form of, if any."""
    known = words()
    for form in (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ies") + "y"):
        if form in known:
            return known[form]
    return None
