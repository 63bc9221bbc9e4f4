"""How a cohort's files are written, as JSON that a run keeps: its declaration, and names and types of columns. No cell of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fpmg_bench.document import inside
from fpmg_plugins.datasets import parquet
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.manifest import read
from fpmg_plugins.datasets.folder.spec import CohortSpec


@dataclass(frozen=True, slots=True)
class Header:
    """A table's columns in order: name -> type as parquet calls it, "" in a csv."""

    file: str
    columns: Mapping[str, str]

    @property
    def text(self) -> bool:
        """Whether cells are text: of everything but parquet."""
        return not self.file.endswith(".parquet")


@dataclass(frozen=True, slots=True)
class Source:
    """The declaration, and the header of every table that it names."""

    spec: CohortSpec
    headers: Mapping[str, Header]

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Source:
        """The reverse of `said_of`."""
        headers = {file: Header(file, dict(columns)) for file, columns in said["tables"].items()}
        return cls(CohortSpec.model_validate(said["spec"]), headers)

    def with_tables(self, ending: str) -> Source:
        """The same with tables of another ending: every .csv a .parquet, or the other way round."""
        names = {file: str(Path(file).with_suffix(ending)) for file in self.headers}
        headers = {
            names[file]: Header(names[file], dict.fromkeys(h.columns, "")) if Path(file).suffix != ending else h
            for file, h in self.headers.items()
        }
        said = self.spec.model_dump(mode="json", exclude_unset=True)
        said["manifest"] = names[self.spec.manifest]
        for part in said["modalities"].values():
            if part.get("file") in names:
                part["file"] = names[part["file"]]
        return Source(CohortSpec.model_validate(said), headers)


def said_of(document: Document, root: Path) -> dict[str, Any]:
    """What `write` needs. The csv's header is read by the reader of csv files, so that both see the same names."""
    spec = document.spec
    places = {spec.manifest: document.place("manifest")}
    places |= {p.file: document.place("modalities", name, "file") for name, p in spec.modalities.items() if p.kind == "series"}
    tables = {file: _columns(inside(root, file, place), spec.missing) for file, place in places.items()}
    return {"spec": spec.model_dump(mode="json", exclude_unset=True), "tables": tables}


def _columns(file: Path, missing: tuple[str, ...]) -> list[list[str]]:
    names = read(file, missing).names
    types = parquet.types(file) if file.suffix == ".parquet" else {}
    return [[name, types.get(name, "")] for name in names]


# Keys that the other way knows. One that is set and not among them is told in the release: it was read, and cannot be written back.
WRITTEN: Mapping[str, frozenset[str]] = {
    "CohortSpec": frozenset(
        [
            "version",
            "name",
            "licence",
            "citation",
            "publishable",
            "drafted",
            "manifest",
            "record",
            "patient",
            "silo",
            "missing",
            "rows",
            "min_class_patients",
            "conditions",
            "modalities",
            "leaks",
            "real",
            "derived",
            "traps",
        ]
    ),
    "ColumnSpec": frozenset(["name", "column", "type", "categories", "map", "other", "low", "high", "step", "unit", "outside"]),
    "TableSpec": frozenset(["kind", "columns", "present"]),
    "SeriesSpec": frozenset(
        ["kind", "file", "record", "time", "variable", "value", "step", "steps", "window", "columns", "present"]
    ),
    "TextSpec": frozenset(["kind", "column", "length", "present"]),
    "ImageSpec": frozenset(["kind", "column", "folder", "shape", "fit", "window", "present"]),
    "VideoSpec": frozenset(["kind", "column", "folder", "shape", "fit", "window", "frame_ms", "present"]),
    "SiloSpec": frozenset(["column", "groups", "missing", "min_records", "min_class_records", "merge_into", "names"]),
    "RowsSpec": frozenset(["column", "keep", "drop"]),
}


def unwritten(model: BaseModel, place: str = "") -> Iterator[str]:
    """Paths of keys that are set and have no way back: `modalities.table.columns.dose.KEY`."""
    for key in sorted(model.model_fields_set):
        value, path = getattr(model, key), f"{place}.{key}".strip(".")
        if key not in WRITTEN.get(type(model).__name__, frozenset()):
            yield path
            continue
        parts = (
            value.items()
            if isinstance(value, dict)
            else ((getattr(v, "name", "") or str(i), v) for i, v in enumerate(value))
            if isinstance(value, tuple)
            else [("", value)]
        )
        for name, part in parts:
            if isinstance(part, BaseModel):
                yield from unwritten(part, f"{path}.{name}".strip("."))
