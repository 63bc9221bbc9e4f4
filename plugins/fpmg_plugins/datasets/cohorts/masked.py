"""Notes without the words that name the diagnosis: what is left of them may still tell it, and how much is for a metric to say."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from fpmg_bench.types import Text

if TYPE_CHECKING:
    from fpmg_bench.types import Cohort

MASK = "xxxx"  # as iu-cxr has it where a name was
# Pathogens, the diseases named after them, and the test that finds them: public, from general knowledge of the field.
STEMS = (
    "covid", "coronavir", "sars", "ncov", "influenza", "h1n1", "herpes", "varicell", "viral", "virus", "bacteri", "cocci", "coccal",
    "coccus", "legionell", "klebsiell", "mycoplasm", "chlamydi", "chlamydophil", "nocardi", "tubercul", "pneumophil", "pneumocyst",
    "pneumoni", "aspergill", "fung", "lipoid", "pcr", "wuhan",
)  # fmt: skip
_NAMED = re.compile(rf"[\w-]*(?:{'|'.join(STEMS)})[\w-]*|\bmers\b", re.IGNORECASE)


def text(note: str) -> str:
    """The note with every word that holds one of the stems replaced."""
    return _NAMED.sub(MASK, note)


def masked(cohort: Cohort, name: str) -> Cohort:
    """The cohort with this text modality masked, which then counts as one that does not leak."""
    notes = Text(tuple(text(note) for note in cohort.data[name].strings))
    return replace(cohort, data={**cohort.data, name: notes}, leaks=cohort.leaks - {name})
