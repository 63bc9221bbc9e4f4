"""Columns in YAML's flow style, with the remarks that a reader of the draft needs; JSON is YAML."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.guess import Guess, flag_map, guess, numbers, variants

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 200  # bytes of a name
LEFT_OUT: dict[Guess, str] = {
    "date": "dates: turn them into ages or days since admission",
    "id": "an id",
    "person": "may identify a person",
    "constant": "the same everywhere",
    "many": "too many different values for a category",
    "empty": "empty",
    "comma": "decimal commas: write points",
    "file": "files that are not read: save them as PNG, TIFF, WebP, DICOM, NIfTI or .npy",
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
    found, words = numbers(values)
    made = {"name": name, "low": float(found.min()), "high": float(found.max())}
    if bool((found == found.round()).all()):
        made["step"] = 1.0
    if not words:
        return made, ""
    shown = ", ".join(words) if max(map(len, words)) <= 12 else f"{len(words)} different words"
    return made | {"map": dict.fromkeys(words, None)}, f"read as missing: {shown}"


def line(name: str, values: pd.Series[Any], kind: Guess | None = None, more: str = "") -> str:
    """One item of a list of columns, ending in a line break."""
    made, remark = entry(name, values, kind or guess(name, values))
    remarks = "; ".join(part for part in (remark, more) if part)
    return f"{json.dumps(made, ensure_ascii=False)}{f'  # {remarks}' if remarks else ''}\n"


def tells(values: pd.Series[Any], label: pd.Series[Any]) -> bool:
    """Does each value of the column go with one class only?"""
    both = values.notna() & label.notna()
    classes = label[both].groupby(values[both]).nunique()
    return len(classes) > 1 and int(classes.max()) == 1 and label[both].nunique() > 1
