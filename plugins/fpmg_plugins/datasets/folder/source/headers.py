"""What is kept of a source's files: names and types of columns, and endings of pictures. No cell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fpmg_bench.cohorts.tables import read_cells
from fpmg_bench.cohorts.tables.excel import types
from fpmg_bench.document import inside
from fpmg_bench.errors import DatasetError
from fpmg_plugins.datasets import parquet
from fpmg_plugins.datasets.folder import dicom, naming
from fpmg_plugins.datasets.folder.document import Document
from fpmg_plugins.datasets.folder.joined import whole
from fpmg_plugins.datasets.folder.manifest import read
from fpmg_plugins.datasets.folder.source.places import Place
from fpmg_plugins.datasets.folder.spec import CohortSpec, ImageSpec, SeriesSpec, VideoSpec

LOOKED_AT = 50  # rows whose files are looked at
EXCEL = {bool: "bool", int: "double", float: "double", dt.datetime: "timestamp[us]"}


def header(root: Path, place: Place, declared_at: str, missing: Sequence[str], names: Collection[str]) -> list[list[str]]:
    """[name, type] of each column, and its title where the file has another word there. names: columns that name somebody."""
    file = inside(root, place.file, declared_at)
    if file.suffix == ".parquet":
        stored = parquet.types(file)
        return [[name, stored.get(name, "")] for name in read(file, missing).names]
    cells = read_cells(file, missing, place.form, LOOKED_AT)
    kinds = types(file, place.form.sheet, len(cells.titles), place.form.header) if file.suffix == ".xlsx" else []
    stored_as = [EXCEL.get(kind, "") if kind else "" for kind in kinds]
    stored_as = stored_as or ["int64" if name in names and _numbered(cells.frame[name]) else "" for name in cells.frame.columns]
    return [
        [name, kind] if name == title else [name, kind, title]
        for name, kind, title in zip(cells.frame.columns, stored_as, cells.titles, strict=True)
    ]


def naming_columns(spec: CohortSpec) -> set[str]:
    """Columns of names in any table: of records, patients and keys."""
    series = [part for one in spec.modalities.values() if isinstance(one, SeriesSpec) for part in one.tables]
    keys = {name for part in spec.tables for name in (part.key, part.on)}
    return keys | {spec.record, spec.patient} | {part.record for part in series}


def _numbered(cells: pd.Series[Any]) -> bool:
    """Whether they are whole numbers, as a reader of tables would take them."""
    words = cells.dropna()
    return len(words) > 0 and bool(words.map(lambda word: str(word).isdigit() and str(int(word)) == word).all())


def kinds_of_pictures(document: Document, root: Path) -> dict[str, list[str]]:
    """modality -> endings of its first files, "/" where a record has a folder of them; DICOM is called .dcm."""
    media = {name: part for name, part in document.spec.modalities.items() if isinstance(part, ImageSpec | VideoSpec)}
    if not media:
        return {}
    manifest = whole(document, root, LOOKED_AT)
    manifest = manifest.take(np.arange(len(manifest)) < LOOKED_AT)  # a parquet is there whole
    found = {}
    for name, part in media.items():
        try:
            named = naming.files(part, manifest, root, document.place("modalities", name))
        except DatasetError:
            named = []  # a row that is not used may name what is not there: loading says so where it matters
        files = [path for paths in named for path in paths[:1] if path.is_file()]
        several = part.kind == "video" and any(len(paths) > 1 for paths in named)
        found[name] = sorted({_ending(path) for path in files} | ({"/"} if several else set()))
    return found


def _ending(path: Path) -> str:
    if dicom.is_dicom(path):
        return ".dcm"
    return ".nii" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()
