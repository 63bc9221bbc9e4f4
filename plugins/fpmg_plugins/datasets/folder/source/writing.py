"""A cohort in the form of the source: its tables, its media, and a cohort.yaml that reads them back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.folder import DOCUMENT, FRAME_MS, write_document
from fpmg_bench.cohorts.writing import write_table
from fpmg_bench.document import inside
from fpmg_plugins.datasets.folder.source import cells, series
from fpmg_plugins.datasets.folder.source.form import Header, Source, unwritten
from fpmg_plugins.datasets.folder.source.records import Rows

if TYPE_CHECKING:
    from fpmg_bench.contracts import Form
    from fpmg_bench.types import Cohort

    Texts = list[str | None]

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
    manifest = rows.fill()
    _table(manifest, source.headers[spec.manifest], spec.missing, root)
    names: Texts = manifest[spec.record] if spec.record else []  # without names of records there is no series
    for file, columns in series.files(cohort, spec.modalities, names):
        header, n = source.headers[file], max(map(len, columns.values()), default=0)
        _table({name: columns.get(name, [None] * n) for name in header.columns}, header, spec.missing, root)
    write_document(_document(source, cohort), root / DOCUMENT)
    told = [*rows.told, *(f"{path} is read, and has no way back yet" for path in unwritten(spec))]
    if spec.silo is not None and not cohort.silo_names:
        told.append(f"nobody knows which {spec.silo.column} a record would have: the column is empty")
    return told


def _table(columns: Mapping[str, Texts], header: Header, missing: tuple[str, ...], root: Path) -> None:
    file = inside(root, header.file, DOCUMENT)
    file.parent.mkdir(parents=True, exist_ok=True)
    if header.text:
        nothing = "" if "" in missing or not missing else missing[0]
        write_table({name: [nothing if cell is None else cell for cell in values] for name, values in columns.items()}, file)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({name: cells.arrow(values, header.columns[name]) for name, values in columns.items()}), file)


def _document(source: Source, cohort: Cohort) -> dict[str, Any]:
    """The source's declaration, less what holds of the source alone: its licence, what was real, which silos were too small."""
    said = source.spec.model_dump(mode="json", exclude_unset=True)
    for key in ("citation", "real", "derived", "traps", "rows", "drafted", "publishable"):
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
    for part in said["modalities"].values():
        if part["kind"] == "video":
            part["frame_ms"] = part.get("frame_ms") or FRAME_MS
    return said
