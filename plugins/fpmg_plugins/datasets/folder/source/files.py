"""A table in the form of its file: csv in any dialect, a sheet of an Excel file, parquet with its types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.cohorts.folder import DOCUMENT
from fpmg_bench.cohorts.tables.excel import write_sheet
from fpmg_bench.cohorts.writing import write_csv
from fpmg_bench.document import inside
from fpmg_plugins.datasets.folder.source import typed

if TYPE_CHECKING:
    from fpmg_plugins.datasets.folder.source.form import Header

    Texts = list[str | None]


def write_file(columns: Mapping[str, Texts], header: Header, missing: tuple[str, ...], root: Path) -> list[str]:
    """Below root, columns in the header's order; who is not there is empty. Returns what the file cannot hold, in words."""
    n = max(map(len, columns.values()), default=0)
    whole = {name: columns.get(name, [None] * n) for name in header.columns}
    file = inside(root, header.file, DOCUMENT)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not header.text:
        import pyarrow as pa
        import pyarrow.parquet as pq

        stored = {name: typed.arrow(cells, header.columns[name]) for name, cells in whole.items()}
        pq.write_table(pa.table(stored), file)
        gone = {name: stored[name].null_count - cells.count(None) for name, cells in whole.items()}
        return [
            f"{n} cells of {name} are words that a column of {header.columns[name]} cannot hold: they are empty"
            for name, n in gone.items()
            if n
        ]
    nothing = "" if "" in missing or not missing else missing[0]
    words = {name: [nothing if cell is None else cell for cell in cells] for name, cells in whole.items()}
    titles = [header.titles.get(name, name) for name in words]
    if file.suffix == ".xlsx":
        return list(_sheet(words, header, titles, file))
    if header.form.header > 1:
        above = [f"{header.file}: what stands above its header is no part of the table, and empty"]
    else:
        above = []
    lost = write_csv(words, file, header.form, titles)
    return above + ([f"{lost} cells of {header.file} hold letters that {header.form.encoding} lacks: they are ?"] if lost else [])


def _sheet(words: Mapping[str, list[str]], header: Header, titles: list[str], file: Path) -> Iterator[str]:
    cells = {name: [typed.excel(word, header.columns[name]) for word in column] for name, column in words.items()}
    lost = write_sheet([titles, *map(list, zip(*cells.values(), strict=True))], file, header.form.sheet, header.form.header)
    yield f"{header.file} is new: no other sheets, no formats"
    if lost:
        yield f"{lost} cells of {header.file} hold letters that Excel refuses: they are ?"
