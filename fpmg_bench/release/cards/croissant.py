"""data-card.json: a Croissant 1.0 description (JSON-LD, mlcommons.org/croissant) of the files of a release."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fpmg_bench import __version__
from fpmg_bench.cohorts.tables import detect
from fpmg_bench.release.cards.facts import Facts

CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "column": "cr:column",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "recordSet": "cr:recordSet",
    "source": "cr:source",
}
FORMATS = {
    ".csv": "text/csv",
    ".txt": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
}
MEDIA = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".npy": "application/octet-stream"}
NUMBER, TEXT = "sc:Float", "sc:Text"


def card(facts: Facts, folder: Path) -> dict[str, Any]:
    """JSON-LD. isLiveDataset: a release can be drawn anew under the same name, so no checksum of its files is stated, unless its owner says so."""
    said = facts.card
    live = bool(said.get("live", True))
    tables = sorted(file for file in folder.rglob("*") if file.suffix in FORMATS)
    return {
        "@context": dict(CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"synthetic-{facts.cohort}",
        "description": f"Synthetic patients, made up by the method {facts.spec.method} of fpmg-bench {__version__}. {facts.whose}.",
        "license": f"{facts.licence} (of the source); see README.md and privacy.md beside this file",
        "url": said.get("url") or "https://github.com/fpmg-bench/fpmg-bench",
        "creator": {"@type": "sc:Organization", "name": said.get("creator") or "fpmg-bench"},
        **({"datePublished": said["published"]} if said.get("published") else {}),
        "isLiveDataset": live,
        "distribution": [*(_object(file, folder, live) for file in tables), *_sets(folder)],
        "recordSet": [_records(file, folder) for file in tables],
    }


def _object(file: Path, folder: Path, live: bool) -> dict[str, Any]:
    name = file.relative_to(folder).as_posix()
    said = {"@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": name, "encodingFormat": FORMATS[file.suffix]}
    return said if live else said | {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def _sets(folder: Path) -> Iterator[dict[str, Any]]:
    """Media, a set for every folder and ending."""
    kinds = sorted({(file.parent, file.suffix) for file in folder.rglob("*") if file.suffix in MEDIA})
    for place, suffix in kinds:
        name = f"{place.relative_to(folder).as_posix()}/*{suffix}"
        yield {"@type": "cr:FileSet", "@id": name, "name": name, "includes": name, "encodingFormat": MEDIA[suffix]}


def _records(file: Path, folder: Path) -> dict[str, Any]:
    name = file.relative_to(folder).as_posix()
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "dataType": kind,
            "source": {"fileObject": {"@id": name}, "extract": {"column": column}},
        }
        for column, kind in _columns(file)
    ]
    return {"@type": "cr:RecordSet", "@id": f"{name}/rows", "name": f"{name}/rows", "field": fields}


def _columns(file: Path) -> Iterator[tuple[str, str]]:
    import pandas as pd

    if file.suffix == ".parquet":
        frame = pd.read_parquet(file)
    elif file.suffix == ".xlsx":
        form = detect(file)
        frame = pd.read_excel(file, form.sheet or 0, nrows=1_000, skiprows=form.header - 1)
    else:
        form = detect(file)  # a release is written as its source was: cp1252, semicolons
        frame = pd.read_csv(file, nrows=1_000, encoding=form.encoding, sep=form.separator, skip_blank_lines=True)
    for name in frame.columns:
        yield str(name), NUMBER if frame[name].dtype.kind in "if" else "sc:Boolean" if frame[name].dtype.kind == "b" else TEXT
