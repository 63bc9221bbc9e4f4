"""How a cohort's files are written, as JSON that a run keeps: its declaration, and names and types of columns. No cell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpmg_bench.cohorts.tables import USUAL, Form
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.source.headers import header, kinds_of_pictures, naming_columns
from fpmg_plugins.datasets.folder.source.places import key, places
from fpmg_plugins.datasets.folder.spec import CohortSpec


@dataclass(frozen=True, slots=True)
class Header:
    """A table's columns in order. columns: name -> type as parquet calls it, "" in a csv (int64 of names that are whole numbers); titles: name -> what the file writes for it,

    where that is another word ("column 3" of no word); form: how its cells are written.
    """

    file: str
    columns: Mapping[str, str]
    titles: Mapping[str, str] = field(default_factory=dict)
    form: Form = USUAL

    @property
    def text(self) -> bool:
        """Whether cells are text: of everything but parquet."""
        return not self.file.endswith(".parquet")


@dataclass(frozen=True, slots=True)
class Source:
    """The declaration, the header of every table that it names by `places.key`, and the endings of a modality's files."""

    spec: CohortSpec
    headers: Mapping[str, Header]
    pictures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Source:
        """The reverse of `said_of`."""
        spec = CohortSpec.model_validate(said["spec"])
        headers = {}
        for place in places(spec):
            columns = said["tables"][place.key]
            titles = {name: rest[1] for name, *rest in columns if len(rest) > 1}
            headers[place.key] = Header(place.file, {name: rest[0] for name, *rest in columns}, titles, place.form)
        return cls(spec, headers, {name: tuple(endings) for name, endings in said.get("pictures", {}).items()})

    def with_tables(self, ending: str) -> Source:
        """The same with tables of another ending: every .csv a .parquet, or the other way round. Sheets become files."""
        said = self.spec.model_dump(mode="json", exclude_unset=True)
        names: dict[str, str] = {}
        for place in places(self.spec):
            if place.key not in names:
                name = str(Path(place.file).with_suffix(ending))
                while name in names.values():
                    name = str(Path(name).with_stem(f"{Path(name).stem} {place.form.sheet or 'more'}"))
                names[place.key] = name
            part: Any = said
            for step in place.path[:-1]:
                part = part[step]
            part[place.path[-1]] = names[place.key]
        headers = {key(name, self.headers[old].form): self._as(self.headers[old], name) for old, name in names.items()}
        return Source(CohortSpec.model_validate(said), headers, self.pictures)

    @staticmethod
    def _as(was: Header, file: str) -> Header:
        """Types are those of a file's kind; a parquet's columns have names of their own."""
        if Path(was.file).suffix == Path(file).suffix:
            return was
        titles = {} if file.endswith(".parquet") else was.titles
        return Header(file, dict.fromkeys(was.columns, ""), titles, was.form)


def said_of(document: Document, root: Path) -> dict[str, Any]:
    """What `write` needs. A header is read by the reader of its kind of files, so that both see the same names."""
    spec = document.spec
    names = naming_columns(spec)
    tables = {place.key: header(root, place, document.place(*place.path), spec.missing, names) for place in places(spec)}
    said: dict[str, Any] = {"spec": spec.model_dump(mode="json", exclude_unset=True), "tables": tables}
    said |= {"card": spec.card.model_dump(mode="json", exclude_unset=True)} if spec.card else {}
    return said | {"pictures": kinds_of_pictures(document, root)}
