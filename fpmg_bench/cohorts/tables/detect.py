"""What a draft declares of a csv file: its encoding and separator, seen in its bytes. The reader itself never guesses."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from fpmg_bench.cohorts.tables.form import Form

SEPARATORS = (",", ";", "\t", "|")
LOOKED_AT = 50  # rows whose cells are counted
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8"}


def detect(file: Path) -> Form:
    """Encoding and separator of a text file, the defaults of a parquet or Excel file."""
    if file.suffix in (".parquet", ".xlsx"):
        return Form()
    raw = file.read_bytes()
    encoding = _encoding(raw)
    return Form(encoding, _separator(raw[: 2**20].decode(encoding, errors="ignore")))


def _encoding(raw: bytes) -> str:
    for mark, name in MARKS.items():
        if raw.startswith(mark):
            return name
    if raw[1:2] == b"\0":
        return "utf-16-le"
    if raw[:1] == b"\0":
        return "utf-16-be"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        # bytes 80 to 9f are control characters in Latin-1, and curly quotes and the euro in the form that Windows writes
        return "cp1252" if any(0x80 <= byte <= 0x9F for byte in set(raw)) and _decodes(raw, "cp1252") else "latin-1"
    return "utf-8"


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _separator(text: str) -> str:
    """The one by which most rows have as many cells as the header; of equals, that with more cells."""
    rows: dict[str, tuple[float, int]] = {}
    for mark in SEPARATORS:
        try:
            found = [
                len(row)
                for _, row in zip(range(LOOKED_AT), csv.reader(text.splitlines(True), delimiter=mark), strict=False)
                if row
            ]
        except csv.Error:
            continue
        if found and found[0] > 1:
            rows[mark] = (sum(n == found[0] for n in found) / len(found), found[0])
    return max(rows, key=lambda mark: rows[mark], default=",")
