"""Rows of the manifest and of what is joined to it: every column under its own name, in the order of the source."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Cohort
from fpmg_plugins.datasets.folder.source import cells, media
from fpmg_plugins.datasets.folder.source.declared import Declared, conditions
from fpmg_plugins.datasets.folder.source.form import Source
from fpmg_plugins.datasets.folder.source.known_columns import Known
from fpmg_plugins.datasets.folder.spec import ColumnSpec, ImageSpec, SiloSpec, TableFile, TableSpec, TextSpec, VideoSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.datasets.folder.source.dates import Moments

    Texts = list[str | None]


class Rows:
    """The manifest as it fills. columns: name -> cells; the first who writes a column wins: a condition before a table."""

    def __init__(self, source: Source, cohort: Cohort, root: Path) -> None:
        self.source, self.cohort, self.root = source, cohort, root
        self.known = Known(source)
        self.columns: dict[str, Texts] = {}
        self.told: list[str] = []
        self._declared = Declared(self.known, len(cohort), self.put, self.told)

    def fill(self) -> None:
        """All that the cohort tells of records, but series."""
        spec = self.source.spec
        for name in filter(None, (spec.record, spec.patient)):
            self.names(name)
        if spec.silo is not None and self.cohort.silo_names and spec.silo.column not in self._said():
            self.put(spec.silo.column, _silos(spec.silo, self.cohort))
        for column, values in conditions(spec, self.cohort):
            self._declared.add(column, values)
        for name, part in spec.modalities.items():
            if isinstance(part, TableSpec) and name in self.cohort.schemas:
                self._table(part, name)
        self._declared.write()
        for name, part in spec.modalities.items():
            if name not in self.cohort.schemas:
                continue
            here = self.cohort.present[name]
            if isinstance(part, TextSpec):
                self._text(part, self.cohort.data[name].strings, here)
            if part.present:
                self.put(part.present, ["1" if there else "0" for there in here])
        for table in spec.tables:
            if table.key not in self.columns:
                self.names(table.key)
        for rule in spec.rows:
            self.put(rule.column, [_kept(rule.keep, rule.drop)] * len(self.cohort))
        self._media(
            {n: p for n, p in spec.modalities.items() if isinstance(p, ImageSpec | VideoSpec) and n in self.cohort.schemas}
        )

    def _said(self) -> set[str]:
        """Columns that conditions or tables write: where one forms the silos too, a merged silo's name is none of its values."""
        tables = [part for part in self.source.spec.modalities.values() if isinstance(part, TableSpec)]
        return {each.source for each in (*self.source.spec.conditions, *(column for part in tables for column in part.columns))}

    def put(self, name: str, values: Texts) -> None:
        """A column, unless it is there."""
        self.columns.setdefault(name, values)

    def names(self, name: str) -> None:
        """A column of names that are nobody's: numbers where any table holds whole ones there."""
        self.put(name, cells.ids(len(self.cohort), self.known.of_names(name)))

    def moments(self, column: str, form: str) -> Moments:
        """Dates [n] of a column that others count from."""
        return self._declared.moments(column, form)

    def whole(self) -> dict[str, Texts]:
        """Columns of the manifest in its order; what nobody declares is empty."""
        header, n = self.source.headers[self.known.manifest], len(self.cohort)
        return {name: self.columns.get(name, [None] * n) for name in header.columns}

    def joined(self, part: TableFile) -> dict[str, Texts]:
        """Columns of a table beside the manifest, a row for each different key: the first record's of those that share one."""
        header = self.source.headers[self.known.key(part)]
        on, n = part.on or part.key, len(self.cohort)
        names = {name: part.prefix + name for name in header.columns if name != on}
        full = {on: self.columns[part.key], **{name: self.columns.get(whole, [None] * n) for name, whole in names.items()}}
        first: dict[str, int] = {}
        for at, key in enumerate(self.columns[part.key]):
            if key is not None:
                first.setdefault(key, at)
        other = sum(
            any(values[at] != values[first[key]] for values in full.values())
            for at, key in enumerate(self.columns[part.key])
            if key is not None
        )
        if other:
            self.told.append(f"{other} records share a row of {part.file} with one that is otherwise: the first one's is written")
        rows = list(first.values())
        return {name: [full[name][at] for at in rows] for name in header.columns}

    def empty(self) -> list[str]:
        """Columns that nobody writes, of the manifest and what is joined to it."""
        return [name for name in self.known.types if name not in self.columns]

    def _table(self, spec: TableSpec, name: str) -> None:
        frame, here = self.cohort.data[name].frame, self.cohort.present[name]
        for column in spec.columns:
            self._declared.add(column, _known(column, frame[column.name].to_numpy(), here))

    def _media(self, parts: dict[str, ImageSpec | VideoSpec]) -> None:
        for part in parts.values():
            for column in media.columns_of(part.files):
                if column not in self.columns:
                    self.names(column)
        for alike in media.together(parts):
            written = media.write(alike, self.cohort, self.columns, self.root, self.told)
            if column := next(iter(alike.values())).column:
                self.put(column, written)
        self.told += media.told(parts, self.source.pictures)

    def _text(self, spec: TextSpec, strings: tuple[str, ...], here: NDArray[np.bool_]) -> None:
        silent = {"", *self.source.spec.missing} if self.known.is_text_file(spec.column) else set()
        lost = Counter(string in silent for string, there in zip(strings, here, strict=True) if there)[True]
        if lost:
            self.told.append(f"{lost} texts of {spec.column} are words that mean a missing cell: they are read as missing")
        self.put(spec.column, [string if there else None for string, there in zip(strings, here, strict=True)])


def _known(spec: ColumnSpec, values: NDArray[Any], here: NDArray[np.bool_]) -> NDArray[Any]:
    """The values of records that have the modality, nothing of others."""
    found = values.astype(object if spec.type == "category" else np.float64)
    found[~here] = None  # NaN among numbers
    return found


def _silos(spec: SiloSpec, cohort: Cohort) -> Texts:
    """The first value that forms a silo's group, or its name; nothing for the silo of empty cells."""
    values = {name: spec.groups[name][0] if spec.groups.get(name) else name for name in cohort.silo_names}
    return [None if cohort.silo_names[at] == spec.missing else values[cohort.silo_names[at]] for at in cohort.silo]


def _kept(keep: tuple[str, ...] | None, drop: tuple[str, ...] | None) -> str | None:
    """A cell that the rule lets pass."""
    if keep is not None:
        return keep[0] or None
    return cells.SYNTHETIC.rstrip("-") if "" in (drop or ()) else None
