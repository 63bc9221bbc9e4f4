"""Coded history, adverse events and drugs of a patient as sentences: joined terms, not a narrative."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from fpmg_bench.types import Schema, Text
from fpmg_plugins.datasets.cdisc_pilot.domains import DRUGS, EVENTS, HISTORY, domain


def history(subjects: Sequence[str], length: int, dropped: Counter[str]) -> tuple[Schema, Text]:
    """Texts of at most `length` characters; each term once, in the order of its record. "" where nothing is coded."""
    parts = {"History": _terms(HISTORY, "MHDECOD"), "Events": _events(), "Drugs": _terms(DRUGS, "CMTRT")}
    texts = []
    for subject in subjects:
        sentences = [f"{head}: {', '.join(terms[subject])}." for head, terms in parts.items() if subject in terms]
        texts.append(" ".join(sentences))
    dropped[f"ends of texts after {length} characters"] += sum(len(text) > length for text in texts)
    return Schema("text", (), (length,)), Text(tuple(text[:length].rstrip() for text in texts))


def _terms(name: str, column: str) -> dict[str, list[str]]:
    """subject -> terms in lower case."""
    rows = domain(name, ["USUBJID", column]).dropna()
    return _once(rows["USUBJID"], rows[column].str.lower())


def _events() -> dict[str, list[str]]:
    """subject -> "diarrhoea mild", ..."""
    rows = domain(EVENTS, ["USUBJID", "AETERM", "AESEV"]).dropna()
    return _once(rows["USUBJID"], rows["AETERM"].str.lower() + " " + rows["AESEV"].str.lower())


def _once(subject: pd.Series, term: pd.Series) -> dict[str, list[str]]:
    return {str(key): list(dict.fromkeys(terms)) for key, terms in term.groupby(subject, sort=False)}
