"""What a column of strings seems to be, judged by its name and its cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from fpmg_bench.cohorts.draft.dates import CALLED, COMPACT, DATE
from fpmg_bench.cohorts.draft.numbers import LEADING_ZERO, MOST_WORDS, is_pair, look
from fpmg_bench.document import EXACT

if TYPE_CHECKING:
    import pandas as pd

Guess = Literal[
    "number", "category", "flag", "text", "image", "date", "id", "person", "constant", "many", "empty", "file",
    "pair", "codes", "rownumber", "huge",
]  # fmt: skip
CATEGORIES = 20  # columns of words with more distinct values are no category
LOOKED_AT = 4000  # cells by which it is judged how a column looks
TEXT_LENGTH = 30  # mean characters from which a column of many values is free text
SENTENCES = 60  # the same of a column of few
UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"  # each as much as three letters
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
ANSWERS = {
    "y": 1,
    "n": 0,
    "t": 1,
    "f": 0,
    "positive": 1,
    "negative": 0,
    "present": 1,
    "absent": 0,
    "yes": 1,
    "no": 0,
    "true": 1,
    "false": 0,
    "ja": 1,
    "nein": 0,
    "oui": 1,
    "non": 0,
}
ROW_NUMBER = re.compile(r"^(column \d+|unnamed: ?\d+|index|row_?names?|row|x|\.\.\.1|_?c0|#)$", re.IGNORECASE)
LIST = re.compile(r"\s*[\w.+*-]{1,12}(\s*[;|,]\s*[\w.+*-]{1,12})*\s*[;|,]?\s*")  # codes in a cell: I10;E11
LINK = re.compile(r"https?://|10\.\d{4,}/")
ID = re.compile(
    r"(^|[_\s.-])(id|ids|uid|guid|mrn|nr|no|number|num|nummer|key|index|accession|barcode)\.?$|Id$|ID$|(^|[_\s])(pat|fall)[._-]*(nr|nummer)\.?$",
    re.IGNORECASE,
)
PERSON = re.compile(
    r"^((first|last|full|sur|family|given|middle|patient)[_\s.-]?)?name$|phone|e-?mail|address|street|\bzip\b|post_?code|ssn"
    r"|passport|^dob$|birth[_\s-]?da(y|te)|date[_\s-]of[_\s-]birth",
    re.IGNORECASE,
)
CODED = re.compile(  # whole numbers in such columns are names: nobody is of hospital 3.5, or of a sex between 1 and 2
    r"(^|[_\W])(sex|gender|geschlecht|race|raceth|ethnic\w*|site|hospital|cent(er|re)|clinic|ward|station|klinik|standort|zentrum"
    r"|abteilung|department|region|country|concept|code|inst)([_\W](id|nr|no|code|concept|concept_id))?$|gr(ou)?p$",
    re.IGNORECASE,
)
FEWEST_EACH = 5  # rows of such a name, on average
ROLES = {  # what a role's column may be called, the surest names first
    "patient": (
        r"^(patient|subject|person|participant)([_\s-]?id)?$",
        r"^(pid|usubjid|id)$|mrn|^pat[._\s-]*(id|nr|nummer)\.?$",
        r"patient|subject|person|participant",
    ),
    "label": (
        r"^(label|class|target)$",
        r"^(outcome|diagnosis|dx)$",
        r"outcome|diagnosis|^dx|death|died|(^|[_\W])dead|deceased|mortality|surviv|^status$|finding|verst(o|a)rben|diagnose|décès|décédé",
        r"^event$|censor|exitus|relaps|recurr|rezidiv|readmi",
    ),
    "silo": (
        r"^(site|silo|hospital|clinic|cent(er|re))([_\s-]?(id|name))?$",
        r"^site|_site$|hospital|cent(er|re)|clinic(?!al)|institution|region|klinik(?!um)|krankenhaus|standort|zentrum|hôpital",
    ),
}


def guess(name: str, values: pd.Series[Any]) -> Guess:
    """values: the column's strings, None where missing."""
    known = values.dropna().astype(str)
    if known.empty:
        return "empty"
    some = known.iloc[:: max(1, len(known) // LOOKED_AT)]
    lower = some.str.lower()
    if lower.str.endswith(OTHER_MEDIA).mean() > 0.9:
        return "file"
    if lower.str.endswith(PICTURES).mean() > 0.9:
        return "image"
    if PERSON.search(name):
        return "person"
    if some.str.match(LINK).mean() > 0.9:
        return "id"
    dates = some.str.fullmatch(DATE) if not CALLED.search(name) else some.str.fullmatch(DATE) | some.str.fullmatch(COMPACT)
    if dates.mean() > 0.8 and known.nunique() > 1:
        return "date"
    return _plain(name, known, some)


def _plain(name: str, known: pd.Series[Any], some: pd.Series[Any]) -> Guess:
    """some: of the known ones, for what is judged by how cells look."""
    distinct = known.nunique()
    if distinct == 1:
        return "constant"
    if distinct <= CATEGORIES and flag_map(known) is not None:
        return "flag"
    if is_pair(some):
        return "pair"
    if numeric := _numeric(name, known):
        return numeric
    unspaced = known.str.count(UNSPACED)
    if (unspaced > 0).mean() > 0.5 and distinct > CATEGORIES and (known.str.len() + 2 * unspaced).mean() >= TEXT_LENGTH:
        return "text"
    if ID.search(name) or (distinct == len(known) > CATEGORIES and not some.str.contains(r"[\s;|]").any()):
        return "id"
    if _listing(some):
        return "codes"
    if len(variants(known)) <= CATEGORIES:
        return "text" if some.str.len().mean() >= SENTENCES else "category"
    return "text" if some.str.len().mean() >= TEXT_LENGTH else "many"


def _listing(some: pd.Series[Any]) -> bool:
    """Several codes in many of the cells; of cells few enough for a category, in more ways than there are codes."""
    filled = some[some != ""]
    if filled.str.fullmatch(LIST).mean() <= 0.95 or filled.str.contains(r"[;|,]").mean() <= 0.1:
        return False
    codes = {code.strip() for cell in filled.unique() for code in re.split(r"[;|,]", cell)} - {""}
    return filled.nunique() > CATEGORIES or len(codes) < filled.nunique()


def _numeric(name: str, known: pd.Series[Any]) -> Guess | None:
    """number, id, rownumber or huge where most cells are numbers; codes with zeros in front are words."""
    seen = look(known)
    if len(seen.values) < NUMBERS * len(known) or len(seen.words) > MOST_WORDS or seen.values.nunique() < 2:
        return None
    whole = seen.decimals == 0
    if whole and any(LEADING_ZERO.fullmatch(word) for word in known.unique() if "0" in word[:2]):
        return None
    if whole and ROW_NUMBER.search(name) and bool((seen.values.diff().dropna() == 1).all()):
        return "rownumber"
    distinct = seen.values.nunique()
    if whole and CODED.search(name) and distinct <= CATEGORIES:
        return "category"
    if ID.search(name):
        return "id"
    if whole and bool((seen.values.abs() > EXACT).any()):
        return "huge"
    return "many" if whole and CODED.search(name) and distinct * FEWEST_EACH <= len(seen.values) else "number"


def flag_map(known: pd.Series[Any]) -> dict[str, int] | None:
    """How to read the cells as flags: {} where they are read as they are, None where they are none."""
    lower = set(known.str.lower().unique())
    if lower <= FLAGS:
        return {}
    words = {word.strip() for word in lower}
    if len(words) == 2 and words <= set(ANSWERS) and len({ANSWERS[word] for word in words}) == 2:
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
