"""The form of a file of cells: what a cohort.yaml declares of it."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")  # endings of tables; .tsv and .txt are read as .csv


@dataclass(frozen=True, slots=True)
class Form:
    """encoding: of text files, a codec of Python's; separator: between cells; decimal, thousands: marks in numbers (csv and text cells);

    sheet: of an .xlsx ("": the first); header: the line that names the columns, from 1: what stands above is no part of the table.
    """

    encoding: str = "utf-8"
    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    sheet: str = ""
    header: int = 1


USUAL = Form()


def known_encoding(name: str) -> str:
    """The name. Raises ValueError where Python knows no such encoding of text."""
    try:
        "".encode(name)
        codecs.lookup(name)
    except LookupError:
        raise ValueError(
            f"unknown encoding '{name}'; for example utf-8, utf-16, latin-1, cp1252, gb18030, shift_jis, cp1256"
        ) from None
    return name
