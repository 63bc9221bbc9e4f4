"""From a valid cohort.yaml to a cohort: rows, conditions, silos, modalities, in that order."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.tables import strings
from fpmg_bench.document import inside, plural
from fpmg_bench.errors import DatasetError
from fpmg_bench.types import Cohort, Schema, Table, Text
from fpmg_plugins.datasets.folder import columns, media, naming, unread
from fpmg_plugins.datasets.folder import label as labels
from fpmg_plugins.datasets.folder.cells import unheld
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.joined import whole
from fpmg_plugins.datasets.folder.manifest import Manifest, read
from fpmg_plugins.datasets.folder.series import series
from fpmg_plugins.datasets.folder.silos import silos
from fpmg_plugins.datasets.folder.spec import ColumnSpec, ModalitySpec, TableSpec, TextSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Part = tuple[Schema, Any, NDArray[np.bool_]]


def assemble(document: Document, root: Path) -> Cohort:
    """The cohort. Raises DatasetError at the first thing that is wrong."""
    spec, dropped = document.spec, Counter[str]()
    manifest = whole(document, root)
    dropped.update(manifest.lost)
    named = unread.used(spec)
    dropped[f"cells of {manifest.file.name} with a word for missing"] += sum(
        n for name, n in manifest.said.items() if name in named
    )
    dropped[f"columns of {manifest.file.name} that are not used"] += len(unread.columns(spec, manifest))
    ids = _ids(document, manifest)
    keep = _wanted(document, manifest, dropped)
    manifest, ids = manifest.take(keep), ids[keep]
    leading = labels.values(document, manifest, dropped)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(leading).all(axis=1))
    dropped["records without a label"] += int((~known).sum())
    manifest, ids, leading = manifest.take(known), ids[known], leading[known]
    others = [each for each in spec.conditions if each not in spec.leading]
    rest = [columns.values(each, manifest, labels.place(document, each), dropped) for each in others]
    label = leading[:, 0]
    patient = _patients(manifest, document)
    _enough(document, manifest, label, patient)
    silo, names = silos(spec.silo, manifest, label, document.place("silo")) if spec.silo else (np.zeros(len(label), np.int64), ())
    parts = {name: _modality(name, part, manifest, ids, root, document, dropped) for name, part in spec.modalities.items()}
    return Cohort(
        schemas={name: schema for name, (schema, _, _) in parts.items()},
        data={name: data for name, (_, data, _) in parts.items()},
        present={name: present for name, (_, _, present) in parts.items()},
        conditions=(*labels.declared(spec), *(each.declared() for each in others)),
        condition=np.column_stack([leading, *rest]).astype(np.float64),
        patient=patient,
        silo=silo,
        silo_names=names,
        leaks=frozenset(spec.leaks),
        dropped={reason: count for reason, count in dropped.items() if count},
        drafted=spec.drafted,
    )


def _ids(document: Document, manifest: Manifest) -> NDArray[np.object_]:
    """The name of each record as a string, unique; its row where no column is named."""
    column = document.spec.record
    if not column:
        return manifest.rows.astype(str).astype(object)
    cells = strings(manifest.cells(column, document.place("record")))
    columns.exact_names(column, manifest)
    if cells.isna().any():
        raise DatasetError(
            f"{manifest.place(int(np.flatnonzero(cells.isna())[0]), column)}: empty", "each record needs a name of its own"
        )
    again = cells.duplicated().to_numpy()
    if again.any():
        at = int(np.flatnonzero(again)[0])
        first = int(np.flatnonzero(cells == cells.iloc[at])[0])
        raise DatasetError(
            f"{manifest.place(at, column)}: the same record as in row {manifest.rows[first]}", "each record is listed once"
        )
    return cells.to_numpy(dtype=object)


def _wanted(document: Document, manifest: Manifest, dropped: Counter[str]) -> NDArray[np.bool_]:
    keep = np.ones(len(manifest), bool)
    for at, rule in enumerate(document.spec.rows):
        cells = strings(manifest.cells(rule.column, document.place("rows", at))).fillna("")
        good = (cells.isin(rule.keep) if rule.keep is not None else ~cells.isin(rule.drop or ())).to_numpy()
        values = ", ".join(value or "(empty)" for value in rule.keep or rule.drop or ())
        dropped[f"{rule.column} {'is none of' if rule.keep is not None else 'is one of'}: {values}"] += int((keep & ~good).sum())
        keep &= good
    if not keep.any():
        raise DatasetError(
            f"{manifest.file}: no record is left",
            f"{document.place('rows')}: these rules drop all of {plural(len(manifest), 'row')}",
        )
    return keep


def _patients(manifest: Manifest, document: Document) -> NDArray[np.int64]:
    """Whole numbers as they are, other names by their rank in sorted order."""
    column = document.spec.patient
    cells = manifest.cells(column, document.place("patient"))
    if cells.isna().any():
        raise DatasetError(
            f"{manifest.place(int(np.flatnonzero(cells.isna())[0]), column)}: empty", "each record needs its patient"
        )
    if pd.api.types.is_integer_dtype(cells) and cells.max() <= np.iinfo(np.int64).max:
        return cells.to_numpy(dtype=np.int64)
    columns.exact_names(column, manifest)
    return np.unique(cells.astype(str).to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)


def _enough(document: Document, manifest: Manifest, label: NDArray[np.float64], patient: NDArray[np.int64]) -> None:
    """Each class needs patients on both sides of a split."""
    spec, least = labels.declared(document.spec)[0], document.spec.min_class_patients
    if not len(label):
        raise DatasetError(f"{manifest.file}: no record has a label", document.place("conditions", 0))
    for index, name in enumerate(spec.categories or ("0", "1")):
        rows = np.flatnonzero(label == index)
        count = len(np.unique(patient[rows]))
        if count < least:
            where = f" ({manifest.file}:{manifest.rows[rows[0]]})" if len(rows) else ""
            at = document.place("conditions", 0)
            raise DatasetError(
                f"{at}: class '{name}' of '{spec.name}' is seen in {plural(count, 'patient')}, fewer than {least}{where}",
                "declare other `cuts`, or set min_class_patients"
                if spec.stands_for == "number"
                else "map it to another class, drop it by `rows`, or set min_class_patients",
            )


def _modality(
    name: str,
    spec: ModalitySpec,
    manifest: Manifest,
    ids: NDArray[np.object_],
    root: Path,
    document: Document,
    dropped: Counter[str],
) -> Part:
    at = document.place("modalities", name)
    data: Any
    if spec.kind == "table":
        schema, data, seen = _table(name, spec, manifest, document, dropped)
    elif spec.kind == "text":
        schema, data, seen = _text(name, spec, manifest, at, dropped)
    elif spec.kind == "series":
        place = document.place("modalities", name, "file")
        tables = [
            read(inside(root, part.file, place), document.spec.missing, part.form(document.spec.form()))
            if part.file
            else manifest
            for part in spec.tables
        ]
        for part, table in zip(spec.tables, tables, strict=True):
            dropped.update(table.lost if part.file else {})
        schema, data = series(name, spec, tables, manifest, ids, at, dropped)
        seen = data.seen.any(axis=(1, 2))
    else:
        named = naming.files(spec, manifest, root, at)
        naming.there(named, spec, manifest)
        if spec.files and (strangers := naming.without_record(spec, named, root)):
            dropped[f"{name}: files that are called after no record (add it to the manifest)"] += strangers
        named = naming.taken(name, named, document.spec.modalities, dropped)
        schema, data = media.pixels(name, spec, named, manifest, at, dropped)
        seen = np.array([bool(paths) for paths in named])
    if spec.present:
        given = ColumnSpec(name=spec.present, type="flag")
        seen = columns.flags(given, manifest, document.place("modalities", name, "present"), dropped) == 1
    elif not seen.any():
        raise DatasetError(f"{at}: no record has this modality", "fill it in, or remove it from cohort.yaml")
    return schema, data, seen


def _table(
    name: str, spec: TableSpec, manifest: Manifest, document: Document, dropped: Counter[str]
) -> tuple[Schema, Table, NDArray[np.bool_]]:
    cells: dict[str, Any] = {}
    conditions = {each.source for each in document.spec.conditions}
    for at, column in enumerate(spec.columns):
        own = Counter[str]()
        found = columns.values(column, manifest, document.place("modalities", name, "columns", at), own)
        for reason, count in own.items():  # what a condition of the same cells has lost is not lost again
            dropped[reason] = max(dropped[reason], count) if column.source in conditions else dropped[reason] + count
        cells[column.name] = columns.names(column, found) if column.type == "category" else found
    unheld(spec.columns, manifest, dropped)
    frame = pd.DataFrame(cells)
    return (
        Schema("table", tuple(column.declared() for column in spec.columns)),
        Table(frame),
        frame.notna().any(axis=1).to_numpy(),
    )


def _text(
    name: str, spec: TextSpec, manifest: Manifest, at: str, dropped: Counter[str]
) -> tuple[Schema, Text, NDArray[np.bool_]]:
    cells = strings(manifest.cells(spec.column, at))
    seen = cells.notna().to_numpy()
    long = (cells[seen].str.len() > spec.length).sum() if seen.any() else 0
    if long:
        dropped[f"ends of texts of {name} after {spec.length} characters (a greater length keeps them)"] += int(long)
    schema = Schema("text", (), (spec.length,), spec.nothing)
    return schema, Text(tuple("" if cell is None else cell[: spec.length] for cell in cells)), seen
