"""What a cohort.yaml does not name: columns of its tables, files of its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fpmg_bench.cohorts.losses import Loss
from fpmg_bench.cohorts.tables.excel import sheets
from fpmg_plugins.datasets.folder.cell_spec import ISO_DAY
from fpmg_plugins.datasets.folder.dated import since_columns
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.long import column_of
from fpmg_plugins.datasets.folder.manifest import Manifest
from fpmg_plugins.datasets.folder.naming import PART
from fpmg_plugins.datasets.folder.source.places import places
from fpmg_plugins.datasets.folder.spec import CohortSpec, ColumnSpec, LongSpec

SHOWN = 20  # names that are listed
NOTES = (".md", ".yaml", ".yml", ".json", ".license")  # endings of files that describe
ALONE = ("README", "LICENSE", "LICENCE", "CITATION", "NOTICE")


def used(spec: CohortSpec) -> set[str]:
    """Columns of the manifest, and of the tables joined to it, that something names."""
    names = {spec.record, spec.patient, *(rule.column for rule in spec.rows), *(part.key for part in spec.tables)}
    names |= {spec.silo.column} if spec.silo else set()
    for column in spec.conditions:
        names |= _of(column)
    for part in spec.modalities.values():
        names |= {getattr(part, key) for key in ("present", "column") if hasattr(part, key)}
        names |= set(PART.findall(part.files)) if part.kind in ("image", "video") else set()
        names |= {name for table in part.tables for name in _of_series(table)} if part.kind == "series" else set()
        if part.kind == "table":
            names |= {name for column in part.columns for name in _of(column)}
    return names


def _of_series(table: LongSpec) -> set[str]:
    """Columns of the manifest that a series begins at, or is made of."""
    since = {table.clock.since} if table.clock and table.clock.since else set()
    return (
        since
        | since_columns(table.columns)
        | {column_of(column, time) for column in table.columns for time in table.times if not table.file}
    )


def _of(column: ColumnSpec) -> set[str]:
    return {column.source} | ({column.since} if column.since and not ISO_DAY.fullmatch(column.since) else set())


def columns(spec: CohortSpec, manifest: Manifest) -> list[str]:
    """Those that nothing names, in the file's order; empty ones and row numbers too."""
    named = used(spec)
    return [name for name in manifest.names if name not in named]


def losses(document: Document, root: Path, manifest: Manifest, media: set[Path]) -> Iterator[Loss]:
    """Names of unused columns, files that nothing reads, and what was done to headers. media: files that are read, links followed."""
    spec = document.spec
    if names := columns(spec, manifest):
        yield Loss(
            spec.manifest,
            f"columns of {spec.manifest} that are not used: {_listed(names)}",
            len(names),
            "- {name: ..., column: ...} under a table's columns",
        )
    for each in manifest.told:
        if any(f"'{name}'" in each for name in used(spec)):
            yield Loss(spec.manifest, each, 1, "give the column a name of its own in the file")
    yield from _names(spec)
    yield from _sheets(spec, root)
    read = {spec.manifest, *(part.file for part in spec.tables)}
    read |= {table.file for part in spec.modalities.values() if part.kind == "series" for table in part.tables if table.file}
    known = media | {(root / name).resolve() for name in read}
    if files := [
        str(file.relative_to(root)) for file in sorted(root.rglob("*")) if _matters(file, root) and file.resolve() not in known
    ]:
        yield Loss(
            str(root),
            f"files that are not read: {_listed(files)}",
            len(files),
            "name a table under `tables` or as a series, media in a column",
        )


def _sheets(spec: CohortSpec, root: Path) -> Iterator[Loss]:
    """Sheets of Excel files that nothing names."""
    read: dict[str, set[str]] = {}
    for place in places(spec):
        if place.file.endswith(".xlsx"):
            read.setdefault(place.file, set()).add(place.form.sheet)
    for name, named in read.items():
        there = sheets(root / name)
        known = {sheet or there[0] for sheet in named}
        if left := [sheet for sheet in there if sheet not in known]:
            yield Loss(
                name,
                f"sheets that are not read: {_listed(left)}",
                len(left),
                "`sheet: NAME`, or a table of its own under `tables`",
            )


def _names(spec: CohortSpec) -> Iterator[Loss]:
    """Columns of a table that are the names of patients or records: a generator would repeat them."""
    roles = {spec.record: "records", spec.patient: "patients"}
    for name, part in spec.modalities.items():
        for column in part.columns if part.kind == "table" else ():
            if role := roles.get(column.source):
                yield Loss(
                    f"{name}: {column.name}", f"names {role}, and is learnt as a column", 1, "take its line out of the table"
                )


def _matters(file: Path, root: Path) -> bool:
    hidden = any(part.startswith((".", "~$")) for part in file.relative_to(root).parts)
    return file.is_file() and not hidden and file.suffix not in NOTES and file.stem.upper() not in ALONE


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
