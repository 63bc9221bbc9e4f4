"""Columns of the table that are times of one variable: hr_0, hr_1, ..., hr_47."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fpmg_bench.cohorts.draft.columns import key
from fpmg_bench.cohorts.draft.series import channel, numeric

if TYPE_CHECKING:
    import pandas as pd

    Group = tuple[tuple[int, ...], dict[str, list[str]]]  # times, pattern -> columns

HOURS = 6  # columns whose names differ in a number only, from which on they may be times
A_TIME = re.compile(
    r"(^|[_\W])(h|hr|hour|d|day|t|time|min|minute|week|month|visit)s?_?\0|\0_?(h|hr|hour|d|day|min|minute)s?($|[_\W])",
    re.IGNORECASE,
)
FROM_ZERO = re.compile(r"[_\W]\0$")  # hr_0; items of a questionnaire begin with 1


def hourly(frame: pd.DataFrame, names: list[str]) -> Iterator[Group]:
    """Groups of columns whose names differ in their last number only: (times, pattern -> columns); all are numbers."""
    groups: dict[str, dict[int, str]] = {}
    for name in names:
        if "{" not in name and (found := re.fullmatch(r"(.*?)(\d+)(\D*)", name)):
            width = len(found[2])
            zeros = "0" * width if found[2].startswith("0") and width > 1 else ""
            groups.setdefault(f"{found[1]}\0{found[3]}", {})[int(found[2])] = zeros
    for at, found_at in groups.items():
        if len(found_at) >= HOURS and sorted(found_at) == list(range(min(found_at), max(found_at) + 1)):
            yield from _checked(frame, at, found_at)


def _checked(frame: pd.DataFrame, at: str, zeros: dict[int, str]) -> Iterator[Group]:
    pattern = at.replace("\0", "{" + max(zeros.values()) + "}", 1)
    width = len(max(zeros.values()))
    columns = [at.replace("\0", str(time).zfill(width), 1) for time in sorted(zeros)]
    if not set(columns) <= set(map(str, frame.columns)):
        return
    cells = _stacked(frame, columns)
    if len(cells) and numeric(cells).notna().mean() > 0.7 and numeric(cells).nunique() > 1:
        yield tuple(sorted(zeros)), {pattern: columns}


def _stacked(frame: pd.DataFrame, columns: list[str]) -> pd.Series[str]:
    """The cells of all these columns that are not empty."""
    import pandas as pd

    cells: pd.Series[str] = pd.concat([frame[name] for name in columns]).dropna().astype(str)
    return cells


def rows_of_hours(frame: pd.DataFrame, names: list[str]) -> tuple[str, set[str]]:
    """(modalities of the columns that are times of a variable, their names): one modality for those with the same times.

    A single group of columns is one where its names say a time, or begin with 0 behind a mark; else it stays in the table and is told.
    """
    found: dict[tuple[int, ...], dict[str, list[str]]] = {}
    for at, patterns in hourly(frame, names):
        found.setdefault(at, {}).update(patterns)
    alone = {at: patterns for at, patterns in found.items() if len(patterns) == 1 and not _times(at, next(iter(patterns)))}
    text = "".join(_told(next(iter(patterns.values()))) for patterns in alone.values())
    found = {at: patterns for at, patterns in found.items() if at not in alone}
    for number, (at, patterns) in enumerate(found.items()):
        text += f"  {key('hours' if not number else f'hours_{number + 1}')}:  # columns that differ in a number: times? if not, put them into the table\n"
        text += f"    kind: series\n    layout: row\n    times: {json.dumps(list(at))}\n    steps: {len(at)}\n    columns:\n"
        for pattern, columns in patterns.items():
            cells = _stacked(frame, columns)
            numbers = numeric(cells)
            words = sorted(set(cells[numbers.isna()]))
            name = re.sub(r"\{0*\}", "", pattern).strip("_-. ") or "value"
            text += f"      - {channel(name, numbers.dropna(), words, pattern)}\n"
    return text, {name for patterns in found.values() for columns in patterns.values() for name in columns}


def _times(at: tuple[int, ...], pattern: str) -> bool:
    bare = re.sub(r"\{0*\}", "\0", pattern)
    return bool(A_TIME.search(bare)) or (at[0] == 0 and bool(FROM_ZERO.search(bare)))


def _told(columns: list[str]) -> str:
    return f"# {columns[0]} to {columns[-1]} differ in a number only and are columns of the table; times? then a series: layout: row\n"
