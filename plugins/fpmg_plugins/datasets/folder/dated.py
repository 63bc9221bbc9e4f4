"""Channels of a series whose cells are dates: days since a day, or since a date that the manifest has of the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fpmg_plugins.datasets.folder.cell_spec import ISO_DAY
from fpmg_plugins.datasets.folder.cells import days
from fpmg_plugins.datasets.folder.columns import within
from fpmg_plugins.datasets.folder.long import Long
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.spec import ColumnSpec, LongSpec

EPOCH = "1970-01-01"


def alone(part: LongSpec) -> LongSpec:
    """The table as it is read without the manifest: dates that count from a column of it count from 1970 so far, in no range."""
    if not any(map(_counts, part.columns)):
        return part
    free = {"since": EPOCH, "low": None, "high": None, "outside": "keep"}
    columns = tuple(column.model_copy(update=free) if _counts(column) else column for column in part.columns)
    return part.model_copy(update={"columns": columns})


def counted(part: LongSpec, long: Long, first: int, manifest: Manifest, declared_at: str, dropped: Counter[str]) -> Long:
    """Values from what they count from, in their ranges. first: the number of the table's first channel; what has no beginning is missing."""
    value = long.value
    for at, column in enumerate(part.columns):
        if not _counts(column):
            continue
        mine = np.flatnonzero(long.channel == first + at)
        own = {"column": column.since, "date": column.since_date or column.date, "since": EPOCH, "map": {}, "missing": ()}
        begin = days(column.model_copy(update=own), manifest, declared_at, dropped)[long.row[mine]]
        if lost := int((np.isnan(begin) & ~np.isnan(value[mine])).sum()):
            dropped[f"dates of {column.name} without a day in {column.since} to count from"] += lost
        here = replace(manifest, at=manifest.at[long.row[mine]])
        value = value.copy()
        value[mine] = within(column, value[mine] - begin, here, declared_at, dropped)
    return replace(long, value=value)


def _counts(column: ColumnSpec) -> bool:
    return bool(column.date) and ISO_DAY.fullmatch(column.since) is None


def since_columns(columns: Sequence[ColumnSpec]) -> set[str]:
    """Columns of the manifest that channels count from."""
    return {column.since for column in columns if _counts(column)}
