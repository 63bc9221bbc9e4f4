"""The chapters of ICD-10 (WHO, 2019, with the ends of ICD-10-CM): a public grouping of thousands of codes."""

from __future__ import annotations

import re

CHAPTERS = (
    "A00-B99", "C00-D49", "D50-D89", "E00-E90", "F00-F99", "G00-G99", "H00-H59", "H60-H95", "I00-I99", "J00-J99", "K00-K95",
    "L00-L99", "M00-M99", "N00-N99", "O00-O99", "P00-P96", "Q00-Q99", "R00-R99", "S00-T98", "U00-U99", "V00-Y99", "Z00-Z99",
)  # fmt: skip
CODE = re.compile(r"([A-Z][0-9])[0-9A-Z](\.?[0-9A-Z]{1,4})?[*+!]?", re.IGNORECASE)


def chapter(code: str) -> str | None:
    """ "I00-I99" of "I10", "i21.4" or "I2101"; None of what is no code of ICD-10.

    >>> chapter("e11.9"), chapter("D48"), chapter("D50"), chapter("250.00")
    ('E00-E90', 'C00-D49', 'D50-D89', None)
    """
    found = CODE.fullmatch(code.strip())
    if not found:
        return None
    head = found[0][:3].upper()
    return next((each for each in CHAPTERS if each[:3] <= head[:2] + head[2] <= each[4:]), _by_letter(head))


def _by_letter(head: str) -> str | None:
    """Codes with a letter in the third place (C7A, M1A) belong where their first two do."""
    return next((each for each in CHAPTERS if each[:2] <= head[:2] <= each[4:6]), None) if not head[2].isdigit() else None
