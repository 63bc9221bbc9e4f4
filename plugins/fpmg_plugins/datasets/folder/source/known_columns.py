"""Where each column of the joined manifest stands, and how its cells are written there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fpmg_bench.cohorts.tables import Form
from fpmg_plugins.datasets.folder.source import typed
from fpmg_plugins.datasets.folder.source.form import Header, Source
from fpmg_plugins.datasets.folder.source.places import key
from fpmg_plugins.datasets.folder.spec import LongSpec, SeriesSpec, TableFile


@dataclass(frozen=True, slots=True)
class Column:
    """stored: its type; header: of its file."""

    stored: str
    header: Header

    @property
    def form(self) -> Form | None:
        """How numbers are written; None where they are no words."""
        return self.header.form if typed.is_text(self.stored) else None


class Known:
    """types: name in the joined manifest -> its column."""

    def __init__(self, source: Source) -> None:
        self.source = source
        spec = source.spec
        self.manifest = key(spec.manifest, spec.form())
        header = source.headers[self.manifest]
        self.types: dict[str, Column] = {name: Column(stored, header) for name, stored in header.columns.items()}
        for part in spec.tables:
            header, on = source.headers[self.key(part)], part.on or part.key
            own = {part.prefix + name: Column(stored, header) for name, stored in header.columns.items() if name != on}
            self.types = {**own, **self.types}

    def key(self, part: TableFile | LongSpec) -> str:
        """By which a table's header is kept."""
        return key(part.file, part.form(self.source.spec.form()))

    def column(self, name: str) -> Column:
        """A column, or that of a word in the manifest where it has none of this name."""
        return self.types.get(name) or Column("", self.source.headers[self.manifest])

    def is_text_file(self, name: str) -> bool:
        """Whether words that mean nothing are read as missing."""
        return self.column(name).header.text

    def of_names(self, name: str) -> str:
        """The type of a column of names: a whole number's where any of the tables that have it holds those, the narrowest of them."""
        spec = self.source.spec
        found = [self.column(name).stored]
        found += [self._stored(self.key(part), part.on or part.key) for part in spec.tables if part.key == name]
        if name == spec.record:
            series = [part for part in spec.modalities.values() if isinstance(part, SeriesSpec)]
            found += [self._stored(self.key(part), part.record) for one in series for part in one.tables if part.file]
        whole = [stored for stored in found if typed.is_whole(stored)]
        return min(whole, key=lambda stored: (_bits(stored), stored)) if whole else found[0]

    def _stored(self, table: str, column: str) -> str:
        columns: Mapping[str, str] = self.source.headers[table].columns
        return columns.get(column, "")


def _bits(stored: str) -> int:
    digits = "".join(mark for mark in stored if mark.isdigit())
    return int(digits) if digits else 64
