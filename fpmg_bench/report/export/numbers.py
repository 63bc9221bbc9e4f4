"""A table of the report as CSV: a column a column of the page, and beside it one of intervals and one of notes where it has any."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from fpmg_bench.report.blocks import Cell, Table

NUMBER = re.compile(r"[-+]?[\d,.]+(e[-+]?\d+)?(\u00a0\S+)*|∞")  # as `wording` says numbers, with their units
BESIDE = ("interval", "note")


def as_csv(table: Table) -> str:
    """Numbers as the page's tables sort them: unrounded, without units (bytes, seconds, shares of 1); words as they are shown."""
    rows = [list(_cells(row.cells, len(table.heads))) for row in table.rows]
    columns = [(i, part) for i in range(len(table.heads)) for part in range(3) if not part or any(row[i][part] for row in rows)]
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\n")
    out.writerow([_name(table, i, part) for i, part in columns])
    out.writerows([row[i][part] for i, part in columns] for row in rows)
    return written.getvalue()


def _cells(cells: Sequence[Cell], width: int) -> Iterator[tuple[str, str, str]]:
    """(value, interval, note) of every column; what spans several stands in the first."""
    given = 0
    for cell in cells:
        yield _parts(cell)
        yield from [("", "", "")] * (cell.span - 1)
        given += cell.span
    yield from [("", "", "")] * (width - given)


def _parts(cell: Cell) -> tuple[str, str, str]:
    lines = [line.replace("\u00a0", " ") for line in cell.small.splitlines() if line]
    interval = next((line for line in lines if line.startswith("[")), "")
    return (
        _value(cell),
        interval,
        "; ".join(each for each in (*(x for x in lines if x != interval), cell.badge, cell.why) if each),
    )


def _value(cell: Cell) -> str:
    if isinstance(cell.sort, (int, float)) and NUMBER.fullmatch(cell.text):
        return f"{cell.sort:.10g}"
    return cell.text.replace("\u00a0", " ")


def _name(table: Table, i: int, part: int) -> str:
    head = table.heads[i]
    unit = f" ({head.unit})" if head.unit and not part else ""
    return f"{head.label}{unit}{f' {BESIDE[part - 1]}' if part else ''}".strip()
