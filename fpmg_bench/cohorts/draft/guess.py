"""What a column of strings seems to be, judged by its name and its cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

Guess = Literal[
    "number", "category", "flag", "text", "image", "date", "id", "person", "constant", "many", "empty", "comma", "file"
]
CATEGORIES = 20  # columns of words with more distinct values are no category
TEXT_LENGTH = 30  # mean characters from which a column of many values is free text
UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"  # each as much as three letters
WORDS = 10  # a column of numbers may hold that many different words
NUMBERS = 0.7  # share of cells that are numbers
PICTURES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".tif",
    ".tiff",
    ".bmp",
    ".webp",
    ".gif",
    ".npy",
    ".dcm",
    ".dicom",
    ".ima",
    ".nii",
    ".nii.gz",
)
OTHER_MEDIA = (".mp4", ".avi", ".mov", ".mha", ".nrrd", ".pdf", ".svs", ".edf", ".wav")
FLAGS = {"0", "1", "0.0", "1.0", "true", "false", "yes", "no"}  # what a flag reads without a map
ANSWERS = {"y": 1, "n": 0, "t": 1, "f": 0, "positive": 1, "negative": 0, "present": 1, "absent": 0}
DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([T ].*)?")
COMMA = re.compile(r"-?\d+,\d+")
ID = re.compile(r"(^|[_\s.-])(id|ids|uid|guid|mrn|nr|no|number|num|key|index|accession|barcode)$|Id$|ID$", re.IGNORECASE)
PERSON = re.compile(
    r"^((first|last|full|sur|family|given|middle|patient)[_\s.-]?)?name$|phone|e-?mail|address|street|\bzip\b|post_?code|ssn"
    r"|passport|^dob$|birth[_\s-]?da(y|te)|date[_\s-]of[_\s-]birth",
    re.IGNORECASE,
)
ROLES = {  # what a role's column may be called, the surest names first
    "patient": (r"^(patient|subject|person|participant)([_\s-]?id)?$", r"^pid$|mrn", r"patient|subject|person|participant"),
    "label": (
        r"^(label|class|target)$",
        r"^(outcome|diagnosis|dx)$",
        r"outcome|diagnosis|^dx|death|died|mortality|surviv|^status$|finding",
    ),
    "silo": (
        r"^(site|silo|hospital|clinic|cent(er|re))([_\s-]?(id|name))?$",
        r"^site|_site$|hospital|cent(er|re)|clinic(?!al)|institution|region",
    ),
}


def guess(name: str, values: pd.Series[Any]) -> Guess:
    """values: the column's strings, None where missing."""
    known = values.dropna().astype(str)
    if known.empty:
        return "empty"
    lower = known.str.lower()
    if lower.str.endswith(OTHER_MEDIA).mean() > 0.9:
        return "file"
    if lower.str.endswith(PICTURES).mean() > 0.9:
        return "image"
    if PERSON.search(name):
        return "person"
    if known.str.fullmatch(DATE).mean() > 0.8:
        return "date"
    return _plain(name, known)


def _plain(name: str, known: pd.Series[Any]) -> Guess:
    distinct = known.nunique()
    if distinct == 1:
        return "constant"
    if flag_map(known) is not None:
        return "flag"
    if known.str.fullmatch(COMMA).mean() > 0.3:
        return "comma"
    numeric = _numeric(known)
    words = known[numeric.isna()].nunique()
    if numeric.notna().mean() >= NUMBERS and words <= WORDS and numeric.nunique() > 1:
        return "id" if ID.search(name) else "number"
    unspaced = known.str.count(UNSPACED)
    if (unspaced > 0).mean() > 0.5 and distinct > CATEGORIES and (known.str.len() + 2 * unspaced).mean() >= TEXT_LENGTH:
        return "text"
    if ID.search(name) or (distinct == len(known) > CATEGORIES and not known.str.contains(r"\s").any()):
        return "id"
    if len(variants(known)) <= CATEGORIES:
        return "category"
    return "text" if known.str.len().mean() >= TEXT_LENGTH else "many"


def _numeric(known: pd.Series[Any]) -> pd.Series[Any]:
    """Finite numbers, NaN for words."""
    import numpy as np
    import pandas as pd

    return pd.to_numeric(known, errors="coerce").replace([np.inf, -np.inf], np.nan)


def numbers(values: pd.Series[Any]) -> tuple[pd.Series[Any], list[str]]:
    """(numbers that were found, words among them)."""
    known = values.dropna().astype(str)
    numeric = _numeric(known)
    return numeric.dropna(), sorted(known[numeric.isna()].unique())


def flag_map(known: pd.Series[Any]) -> dict[str, int] | None:
    """How to read the cells as flags: {} where they are read as they are, None where they are none."""
    lower = set(known.str.lower().unique())
    if lower <= FLAGS:
        return {}
    if len(lower) == 2 and {word.strip() for word in lower} <= set(ANSWERS) and len({ANSWERS[w.strip()] for w in lower}) == 2:
        return {word: ANSWERS[word.strip().lower()] for word in sorted(known.unique())}
    return None


def variants(known: pd.Series[Any]) -> Mapping[str, list[str]]:
    """Category -> the ways it is written: "F" -> ["F", "f", " F"]. The commonest way, without blanks around it, is its name."""
    groups: dict[str, list[str]] = {}
    for word in known.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable").index:
        groups.setdefault(str(word).strip().casefold(), []).append(str(word))
    return {ways[0].strip(): ways for _, ways in sorted(groups.items())}


def fitting(role: str, names: list[str]) -> str:
    """The column whose name fits the role best, "" where none does."""
    for pattern in ROLES[role]:
        for name in names:
            if re.search(pattern, name, re.IGNORECASE):
                return name
    return ""
