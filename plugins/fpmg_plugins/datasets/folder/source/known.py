"""Which keys of a cohort.yaml have a way back; one that is set and not among them is told in the release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

FILE = ("encoding", "separator", "decimal", "thousands", "sheet", "header")
CELLS = ("missing", "decimal", "thousands", "suffix", "below", "above", "split", "part", "parts", "holds", "date", "since", "since_date", "group")  # fmt: skip
LONG = (*FILE, "file", "record", "layout", "time", "clock", "times", "variable", "value", "units", "columns")
MEDIA = ("kind", "column", "files", "split", "folder", "shape", "fit", "window", "present")

WRITTEN: Mapping[str, frozenset[str]] = {
    "CohortSpec": frozenset(
        (
            *(*FILE, "version", "name", "licence", "citation", "publishable", "drafted", "manifest", "record", "patient", "silo"),
            *("missing", "tables", "rows", "min_class_patients", "label", "conditions", "modalities", "leaks", "real", "derived"),
            *("traps", "card"),
        )
    ),
    "Written": frozenset(FILE),
    "CellSpec": frozenset(CELLS),
    "ColumnSpec": frozenset(
        [*CELLS, "name", "column", "type", "categories", "map", "other", "low", "high", "step", "unit", "cuts", "outside"]
    ),
    "CardSpec": frozenset(["url", "creator", "published", "live"]),
    "LabelSpec": frozenset(["event", "time"]),
    "TableFile": frozenset([*FILE, "file", "key", "on", "prefix", "repeated"]),
    "TableSpec": frozenset(["kind", "columns", "present"]),
    "ClockSpec": frozenset(["format", "since", "since_format", "unit"]),
    "LongSpec": frozenset(LONG),
    "SeriesSpec": frozenset([*LONG, "kind", "step", "steps", "window", "more", "present"]),
    "TextSpec": frozenset(["kind", "column", "length", "nothing", "present"]),
    "ImageSpec": frozenset([*MEDIA, "view"]),
    "VideoSpec": frozenset([*MEDIA, "frame_ms"]),
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
