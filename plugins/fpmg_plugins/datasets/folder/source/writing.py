"""A cohort in the form of the source: its tables, its media, and a cohort.yaml that reads them back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.folder import DOCUMENT, FRAME_MS, write_document
from fpmg_plugins.datasets.folder.source import media, series
from fpmg_plugins.datasets.folder.source.files import write_file
from fpmg_plugins.datasets.folder.source.form import Source
from fpmg_plugins.datasets.folder.source.known import unwritten
from fpmg_plugins.datasets.folder.source.records import Rows
from fpmg_plugins.datasets.folder.spec import ImageSpec, VideoSpec

if TYPE_CHECKING:
    from fpmg_bench.contracts import Form
    from fpmg_bench.types import Cohort

LICENCE = "synthetic"
ENDINGS: Mapping[str, str] = {"csv": ".csv", "parquet": ".parquet"}


def write(said: Mapping[str, Any], cohort: Cohort, root: Path, form: Form = "source") -> list[str]:
    """Into an existing, empty folder. Returns what is not as in the source, in words.

    said: of `said_of`. The cohort's records get names of their own; a modality that it lacks is left out of cohort.yaml, its columns empty.
    """
    source = Source.from_json(said)
    if form in ENDINGS:
        source = source.with_tables(ENDINGS[form])
    spec = source.spec
    rows = Rows(source, cohort, root)
    rows.fill()
    tables = dict(series.write(rows))
    tables |= {rows.known.key(part): rows.joined(part) for part in spec.tables}
    told = rows.told
    for key, columns in {rows.known.manifest: rows.whole(), **tables}.items():
        told += write_file(columns, source.headers[key], spec.missing, root)
    series_files = {key: columns for key, columns in tables.items() if key not in {rows.known.key(part) for part in spec.tables}}
    for key, columns in series_files.items():
        if left := [name for name in source.headers[key].columns if name not in columns]:
            told.append(
                f"columns of {source.headers[key].file} that are no time, variable or channel are empty: {', '.join(left)}"
            )
    if empty := rows.empty():
        told.append(f"columns that cohort.yaml does not declare, or that were not generated, are empty: {', '.join(empty)}")
    write_document(_document(source, cohort), root / DOCUMENT)
    told += [f"{path} is read, and has no way back yet" for path in unwritten(spec)]
    if spec.silo is not None and not cohort.silo_names:
        told.append(f"nobody knows which {spec.silo.column} a record would have: the column is empty")
    return list(dict.fromkeys(told))


def _document(source: Source, cohort: Cohort) -> dict[str, Any]:
    """The source's declaration, less what holds of the source alone: its licence, what was real, which silos were too small."""
    said = source.spec.model_dump(mode="json", exclude_unset=True)
    for key in ("citation", "real", "derived", "traps", "rows", "drafted", "publishable", "card"):
        said.pop(key, None)
    said |= {"licence": LICENCE, "min_class_patients": 0}
    if "silo" in said:
        said["silo"] = {k: v for k, v in said["silo"].items() if k not in ("min_records", "min_class_records", "merge_into")}
        if not set(cohort.silo_names) <= set(source.spec.silo.names if source.spec.silo else ()):
            said["silo"].pop("names", None)
        if not cohort.silo_names:
            del said["silo"]
    said["modalities"] = {name: part for name, part in said["modalities"].items() if name in cohort.schemas}
    said["leaks"] = sorted(set(said.get("leaks", ())) & set(said["modalities"]))
    for name, part in said["modalities"].items():
        if part["kind"] == "video":
            part["frame_ms"] = part.get("frame_ms") or FRAME_MS
        own = source.spec.modalities[name]
        if isinstance(own, ImageSpec | VideoSpec) and own.files:
            part["files"] = media.pattern(own)
    return said
