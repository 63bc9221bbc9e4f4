"""Columns of free text, in any script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.columns import key, word
from fpmg_bench.cohorts.draft.language import language, saying_nothing
from fpmg_bench.document import plural

if TYPE_CHECKING:
    import pandas as pd

SHORTEST, LONGEST = 16, 2048  # characters that a draft keeps of a text


def text(name: str, values: pd.Series[Any]) -> str:
    """One modality that keeps the longest text whole, up to 2,048 characters; texts that are longer are told."""
    lengths = values.dropna().astype(str).str.len()
    length = min(max(SHORTEST, int(lengths.max())), LONGEST)
    cut = int((lengths > length).sum())
    more = (
        f"; {plural(cut, 'text is', 'texts are')} longer (up to {int(lengths.max())} characters) and will be cut" if cut else ""
    )
    notes = values.dropna().astype(str)
    silent = (
        saying_nothing(notes) if language(notes) not in ("", "English") else ""
    )  # of English the encoders have words of their own
    nothing = f", nothing: {word(silent)}" if silent else ""
    more = f"; nothing: the usual words of a note without a finding, seen here: write your clinic's{more}" if silent else more
    return (
        f"  {key(name)}: {{kind: text, column: {word(name)}, length: {length}{nothing}}}"
        f"  # does it tell the label? then: leaks: [{key(name)}]{more}\n"
    )
