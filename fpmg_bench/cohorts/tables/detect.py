"""What a draft declares of a csv file: its encoding and separator, seen in its bytes. The reader itself never guesses."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from itertools import islice
from pathlib import Path

from fpmg_bench.cohorts.tables.excel import largest, sheet
from fpmg_bench.cohorts.tables.form import Form

SEPARATORS = (",", ";", "\t", "|")
LOOKED_AT = 50  # rows whose cells are counted
WIDE, NARROW, FEWEST = (
    0.8,
    0.5,
    3,
)  # of the usual number of filled cells: a header has so many, a title above it at most; columns of a table
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig"}


def detect(file: Path) -> Form:
    """Encoding and separator of a text file, the defaults of a parquet or Excel file."""
    if file.suffix == ".parquet":
        return Form()
    if file.suffix == ".xlsx":
        name = largest(file)
        return Form(sheet=name, header=_header([*islice(sheet(file, name), LOOKED_AT)]))
    raw = file.read_bytes()
    encoding = _encoding(raw)
    text = raw[: 2**20].decode(encoding, errors="ignore")
    separator = _separator(text)
    return Form(encoding, separator, header=_header(_rows(text, separator)))


def _rows(text: str, separator: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of the first rows that are not blank."""
    reader, found, line = csv.reader(text.splitlines(True), delimiter=separator), [], 1
    try:
        for row in islice(reader, LOOKED_AT):
            found += [(line, row)] if row else []
            line = reader.line_num + 1
    except csv.Error:
        return []
    return found


def _header(rows: list[tuple[int, list[str]]]) -> int:
    """The line of the first row that is as wide as most are, where all rows above are far narrower: titles, dates of export."""
    widths = [sum(map(bool, row)) for _, row in rows]
    usual = Counter(width for width in widths if width).most_common(1)[0][0] if any(widths) else 0
    wide = next((at for at, width in enumerate(widths) if width >= WIDE * usual), 0)
    above = widths[:wide]
    return rows[wide][0] if above and usual >= FEWEST and max(above) <= usual * NARROW else 1


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
            found = [len(row) for row in islice(csv.reader(text.splitlines(True), delimiter=mark), LOOKED_AT) if row]
        except csv.Error:
            continue
        usual = found[0] if found and found[0] > 1 else Counter(found).most_common(1)[0][0] if found else 0
        if usual > 1:
            rows[mark] = (sum(n == usual for n in found) / len(found), usual)
    return max(rows, key=lambda mark: rows[mark], default=",")
