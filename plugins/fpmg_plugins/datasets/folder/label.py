"""The label of a folder cohort: a class, the stratum of a number, an event and its time, or one class of everybody."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.strata import fifths, label_of, no_label, stratum
from fpmg_plugins.datasets.folder import columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.types import Column
    from fpmg_plugins.datasets.folder.document import Document
    from fpmg_plugins.datasets.folder.manifest import Manifest
    from fpmg_plugins.datasets.folder.spec import CohortSpec, ColumnSpec

    Values = NDArray[np.float64]


def place(document: Document, spec: ColumnSpec) -> str:
    """Where a condition is declared."""
    return document.place("conditions", document.spec.conditions.index(spec))


def declared(spec: CohortSpec) -> tuple[Column, ...]:
    """The conditions that the label is made of, the label first."""
    leading = spec.leading
    if not leading:
        return (no_label(),)
    first = leading[0].declared()
    if len(leading) == 2:
        return replace(first, stands_for="event"), leading[1].declared()
    if first.type != "number":
        return (first,)
    assert first.low is not None and first.high is not None
    return label_of(first, leading[0].cuts or fifths(first.low, first.high)), first


def values(document: Document, manifest: Manifest, dropped: Counter[str]) -> Values:
    """[n, 1 or 2], column by column of `declared`; NaN where a record's label is not known. dropped: of numbers out of range."""
    conditions, leading = declared(document.spec), document.spec.leading
    counted = dropped if len(conditions) > 1 else Counter[str]()
    found = [columns.values(each, manifest, place(document, each), counted) for each in leading]
    if not found:
        found = [np.zeros(len(manifest))]
    elif conditions[0].stands_for == "number":
        found = [stratum(found[0], conditions[0].cuts), found[0]]
    return np.column_stack(found).astype(np.float64)
