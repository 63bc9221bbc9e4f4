"""Columns in YAML's flow style, with the remarks that a reader of the draft needs; JSON is YAML."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.guess import Guess, flag_map, guess, variants
from fpmg_bench.cohorts.draft.numbers import bulk, codes_among, look, outward, step
from fpmg_bench.cohorts.icd10 import CHAPTERS, chapter

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 200  # bytes of a name
COMMONEST = 20  # categories or codes that are listed of many
FEWEST = 5  # records a category of many is listed from: a rarer one may point at a patient
COVERED = 0.5  # of the cells by the listed ones, or the column is left out
FEW_CODES = 6  # whole numbers from 0 or 1 on that may be codes
OTHER = "other"
LEFT_OUT: dict[Guess, str] = {
    "id": "an id",
    "person": "may identify a person",
    "constant": "the same everywhere",
    "many": "too many different values for a category",
    "empty": "empty",
    "file": "files that are not read: save them as PNG, TIFF, WebP, DICOM, NIfTI or .npy",
    "rownumber": "row numbers",
    "huge": "whole numbers above 2^53: an id? As a number they would be rounded; `type: category` keeps them",
    "codes": "several codes in a cell, none of them common",
}


def word(text: str) -> str:
    """A YAML string."""
    return json.dumps(text, ensure_ascii=False)


def key(name: str) -> str:
    """A modality called after a column or file: its name becomes a file's, and is kept short (a name has 200 bytes)."""
    return word(re.sub(r"[/\\]", "_", name).encode()[:LONGEST].decode(errors="ignore"))


def entry(name: str, values: pd.Series[Any], kind: Guess) -> tuple[dict[str, Any], str]:
    """(the column as cohort.yaml declares it, a remark or ""). kind: number, category or flag."""
    if kind == "number":
        return _number(name, values)
    known = values.dropna().astype(str)
    if kind == "flag":
        written = flag_map(known)
        return {"name": name, "type": "flag"} | ({"map": written} if written else {}), ""
    groups = variants(known)
    other = {way: name for name, ways in groups.items() for way in ways if way != name}
    remark = "words that differ in case or blanks were joined" if other else ""
    return {"name": name, "type": "category", "categories": [*groups]} | ({"map": other} if other else {}), remark


def _number(name: str, values: pd.Series[Any]) -> tuple[dict[str, Any], str]:
    seen = look(values.dropna().astype(str))
    low, high, outside = bulk(seen.values)
    rounding = step(seen, low, high)
    if rounding is None:
        low, high = outward(low, high)
    made = {"name": name, **seen.keys, "low": low, "high": high if high > low else low + 1}
    if rounding is not None:
        made["step"] = rounding
    remarks = [seen.unclear] if seen.unclear else []
    if outside:
        made["outside"] = "missing"
        remarks.append(f"far from all others, read as missing: {'; '.join(outside)}. Values after all? Widen low and high")
    if asked := codes_among(seen.values, low, high):
        remarks.append(f"does {' or '.join(asked)} mean missing? Then add missing: [{', '.join(asked)}] and narrow the range")
    distinct = sorted(set(seen.values))
    if 2 < len(distinct) <= FEW_CODES and distinct in (
        [*map(float, range(len(distinct)))],
        [*map(float, range(1, len(distinct) + 1))],
    ):
        remarks.append("few whole numbers: codes and no amounts? Then type: category, with categories in quotes")
    if seen.words:
        made["map"] = dict.fromkeys(seen.words, None)
        shown = ", ".join(seen.words) if max(map(len, seen.words)) <= 12 else f"{len(seen.words)} different words"
        remarks.append(f"read as missing: {shown}")
    return made, "; ".join(remarks)


def line(name: str, values: pd.Series[Any], kind: Guess | None = None, more: str = "") -> str:
    """One item of a list of columns, ending in a line break."""
    made, remark = entry(name, values, kind or guess(name, values))
    return _written(made, _joined(remark, more, _filled(values)))


def _joined(*remarks: str) -> str:
    return "; ".join(filter(None, remarks))


def lines(name: str, values: pd.Series[Any], kind: Guess) -> list[str]:
    """Items for a column that is none of number, category and flag: two of a pair, the commonest of many. Empty where none fits."""
    known = values.dropna().astype(str)
    if kind == "pair":
        return [_written(each, _filled(values)) for each in _pair(name, known)]
    if kind == "codes":
        return [_written(each, _filled(values)) for each in _codes(name, known)]
    if kind != "many":
        return []
    chapters = known.map(chapter)
    if chapters.notna().mean() > 0.9:
        made = {"name": name, "type": "category", "group": "icd10"} | ({"other": OTHER} if chapters.isna().any() else {})
        return [
            _written(
                made, _joined(f"{known.nunique()} codes of ICD-10, read as their 22 chapters, which are public", _filled(values))
            )
        ]
    counts = known.value_counts()
    common = sorted(counts[counts >= FEWEST].index[:COMMONEST])
    if not common or counts[common].sum() < COVERED * len(known) or OTHER in common:
        return []
    listed = {"name": name, "type": "category", "categories": [*common, OTHER], "other": OTHER}
    return [_written(listed, _joined(f"the {len(common)} commonest of {known.nunique()} values", _filled(values)))]


def _pair(name: str, known: pd.Series[Any]) -> list[dict[str, Any]]:
    pieces = known.str.split("/", expand=True)
    pressure = re.search(r"(^|[^a-z])(bp|nibp|rr|blood.?pressure|pressure)([^a-z]|$)", name, re.IGNORECASE)
    made = []
    for at, part in enumerate(("systolic", "diastolic") if pressure else ("1", "2")):
        drawn, _ = _number(f"{name} {part}", pieces[at].str.strip())
        made.append({"name": drawn.pop("name"), "column": name, "split": "/", "part": at + 1} | drawn)
    return made


def _codes(name: str, known: pd.Series[Any]) -> list[dict[str, Any]]:
    """A flag for each chapter where they are codes of ICD-10, else for each of the commonest."""
    mark = max(";|,", key=lambda each: int(known.str.contains(each, regex=False).sum()))
    held = [{piece.strip() for piece in cell.split(mark)} - {""} for cell in known]
    counts = Counter(code for codes in held for code in codes)
    if sum(chapter(code) is not None for code in counts) > 0.9 * len(counts):
        there = Counter(found for codes in held for found in {chapter(code) for code in codes} if found)
        return [_flag(name, mark, each, group="icd10") for each in CHAPTERS if there[each] >= FEWEST]
    return [_flag(name, mark, code) for code, n in counts.most_common(COMMONEST) if n >= FEWEST]


def _flag(name: str, mark: str, code: str, **more: str) -> dict[str, Any]:
    return {"name": f"{name} {code}", "column": name, "type": "flag", "split": mark, "holds": code, **more}


def _filled(values: pd.Series[Any]) -> str:
    """What was seen of it."""
    return f"{int(values.notna().sum())} of {len(values)} filled" if values.isna().any() else ""


def _written(made: dict[str, Any], remark: str) -> str:
    told = " ".join(remark.split())  # a word of a cell may hold the end of a line
    return json.dumps(made, ensure_ascii=False) + (f"  # {told}" if told else "") + "\n"


def tells(values: pd.Series[Any], label: pd.Series[Any]) -> bool:
    """Does each value of the column go with one class only?"""
    both = values.notna() & label.notna()
    classes = label[both].groupby(values[both]).nunique()
    return len(classes) > 1 and int(classes.max()) == 1 and label[both].nunique() > 1


def parts(values: pd.Series[Any], label: pd.Series[Any]) -> bool:
    """Do the classes lie in ranges of the number that do not touch? Of at least ten records, two a class."""
    both = values.notna() & label.notna()
    by = values[both].groupby(label[both])
    if int(both.sum()) < 10 or by.ngroups < 2 or int(by.size().min()) < 2:
        return False
    ends = sorted(zip(by.min(), by.max(), strict=True))
    return all(before[1] < after[0] for before, after in pairwise(ends))
