"""Writes a cohort as a folder that the `folder` dataset reads back exactly: cohort.yaml, manifest.parquet, media, long series.

The format (docs/folder-cohorts.md) is self-describing: everything a reader needs is in cohort.yaml, so no constants are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.writing import write_table
from fpmg_bench.document import inside
from fpmg_bench.errors import DatasetError
from fpmg_bench.strata import no_label
from fpmg_bench.types import Cohort, Column, Schema, Series

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fpmg_bench.types import Pixels

MANIFEST, DOCUMENT = "manifest.parquet", "cohort.yaml"
AT_ONCE = 500  # records whose pictures are in memory
FRAME_MS = 125  # a written clip plays at 8 frames a second
PNG_CHANNELS = (1, 3)
RESERVED = (MANIFEST, "manifest.csv", DOCUMENT, "README.md", "model-card.md", "privacy.md", "data-card.json")  # beside a release


def write(cohort: Cohort, folder: Path, licence: str = "unknown", publishable: bool = False, tables: str = ".parquet") -> None:
    """Write `cohort` into `folder`, which is made and must be empty. tables: .parquet or .csv.

    Numbers keep their bits, pixels are stored without loss, absent modalities stay absent; `dropped` is not written, since
    what was left out is not there. Raises DatasetError where the folder is in use, a text is not valid Unicode, or a modality's name
    leads out of the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(f"{folder}: not an empty folder", "a cohort is written into a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    columns = _identity(cohort)
    modalities = {}
    for name, schema in cohort.schemas.items():
        present = _add(columns, f"present.{name}", cohort.present[name])
        modalities[name] = {"kind": schema.kind, "present": present} | WRITERS[schema.kind](cohort, name, folder, columns)
        if schema.kind == "series":
            modalities[name] |= _long_table(cohort, name, folder, tables)
    manifest = Path(MANIFEST).with_suffix(tables).name
    document = _document(cohort, licence, publishable, modalities, manifest)
    if tables == ".csv":
        _plain(document, cohort, columns)
    write_table(columns, folder / manifest)
    write_document(document, folder / DOCUMENT)


def _plain(document: Mapping[str, Any], cohort: Cohort, columns: dict[str, Any]) -> None:
    """For the tools of others: without flags of what every record has, and with ranges that hold where they do hold."""
    for name, entry in document["modalities"].items():
        if cohort.present[name].all():
            del columns[entry.pop("present")]
    tables = [entry["columns"] for entry in document["modalities"].values() if entry["kind"] == "table"]
    for column in [*document.get("conditions", ()), *(column for part in tables for column in part)]:
        _strict(column, columns[column["column"]])


def _strict(column: dict[str, Any], values: Any) -> None:
    """Without `outside: keep` where no value of the column is outside."""
    import numpy as np

    low, high = column.get("low", -np.inf), column.get("high", np.inf)
    if column["type"] == "number" and not ((values < low) | (values > high)).any():
        column.pop("outside", None)


def _add(columns: dict[str, Any], name: str, values: Any) -> str:
    """Put a column under its name, or the next that is free: a modality may be called `patient`."""
    while name in columns:
        name += "_"
    columns[name] = values
    return name


def _file(folder: Path, name: str, ending: str = "") -> Path:
    """A free file or folder for a modality. Raises DatasetError where its name leads out of the folder."""
    stem = name
    while inside(folder, stem + ending, f"modality '{name}'").exists() or stem + ending in RESERVED:
        stem += "_"
    return folder / (stem + ending)


def _identity(cohort: Cohort) -> dict[str, Any]:
    import numpy as np

    columns: dict[str, Any] = {"record": np.arange(len(cohort)), "patient": cohort.patient}
    if cohort.silo_names:
        columns["silo"] = np.asarray(cohort.silo_names, dtype=object)[cohort.silo]
    for at, column in _conditions(cohort):
        values = cohort.condition[:, at]
        columns[f"condition.{column.name}"] = _categories(values, column) if column.type == "category" else values
    return columns


def _conditions(cohort: Cohort) -> list[tuple[int, Column]]:
    """(position, declaration) of the conditions that are written: no stratum, which follows from its number, and no label of one class."""
    written = list(enumerate(cohort.conditions))
    return written[1:] if cohort.task == "number" or cohort.conditions[0] == no_label() else written


def _label(cohort: Cohort) -> dict[str, Any]:
    """`label` and `conditions` of cohort.yaml."""
    written = [_column(column, f"condition.{column.name}") for _, column in _conditions(cohort)]
    if cohort.task == "number":
        written[0]["cuts"] = list(cohort.conditions[0].cuts)
    said: dict[str, Any] = {}
    if cohort.task == "event":
        said = {"label": dict(zip(("event", "time"), (column.name for column in cohort.conditions), strict=False))}
    elif cohort.conditions[0] == no_label() and written:
        said = {"label": "none"}
    return {**said, "conditions": written}


def _categories(values: NDArray[np.float64], column: Column) -> NDArray[np.object_]:
    """Names of category indices, None where unknown."""
    import numpy as np

    names = np.asarray([*column.categories, None], dtype=object)
    return names[np.where(np.isnan(values), len(column.categories), np.nan_to_num(values)).astype(np.intp)]


def _document(cohort: Cohort, licence: str, publishable: bool, modalities: Mapping[str, Any], manifest: str) -> dict[str, Any]:
    """The content of cohort.yaml."""
    silo = {"silo": {"column": "silo", "names": list(cohort.silo_names)}} if cohort.silo_names else {}
    return {
        "version": 1,
        "licence": licence,
        "publishable": publishable,
        **({"drafted": True} if cohort.drafted else {}),  # its ranges were seen in patients, whoever reads them next
        "manifest": manifest,
        **({"missing": [""]} if manifest.endswith(".csv") else {}),
        "record": "record",
        "patient": "patient",
        **silo,
        "min_class_patients": 0,  # a generator may have missed a class: that is a finding, not an error
        "leaks": sorted(cohort.leaks & set(cohort.schemas)),
        **_label(cohort),
        "modalities": modalities,
    }


def _column(column: Column, source: str) -> dict[str, Any]:
    """One column as cohort.yaml declares it. Values are taken as they are, inside the declared range or not."""
    known = {"name": column.name, "column": source, "type": column.type, "categories": list(column.categories)}
    ranges = {"low": column.low, "high": column.high, "step": column.step, "unit": column.unit or None}
    outside = {"outside": "keep"} if column.type == "number" else {}
    return {key: value for key, value in (known | ranges | outside).items() if value is not None and value != []}


def _table(cohort: Cohort, name: str, folder: Path, columns: dict[str, Any]) -> dict[str, Any]:
    frame = cohort.data[name].frame
    written = []
    for column in cohort.schemas[name].columns:
        values = frame[column.name]
        cells = values.to_numpy() if column.type != "category" else _strings(values)
        written.append(_column(column, _add(columns, f"{name}.{column.name}", cells)))
    return {"columns": written}


def _strings(values: pd.Series[Any]) -> NDArray[np.object_]:
    return values.astype(object).where(values.notna(), None).to_numpy()


def _text(cohort: Cohort, name: str, folder: Path, columns: dict[str, Any]) -> dict[str, Any]:
    here = cohort.present[name]
    strings = [string if there else None for string, there in zip(cohort.data[name].strings, here, strict=True)]
    column = _add(columns, name, strings)
    schema = cohort.schemas[name]
    said = {"nothing": schema.nothing} if schema.nothing else {}
    return {"column": column, "length": max([schema.shape[0], *map(len, cohort.data[name].strings)]), **said}


def _series(cohort: Cohort, name: str, folder: Path, columns: dict[str, Any]) -> dict[str, Any]:
    schema: Schema = cohort.schemas[name]
    return {
        **{key: key for key in ("record", "step", "time", "variable", "value")},
        "steps": schema.shape[0],
        "columns": [_column(column, column.name) for column in schema.columns],
    }


def _long_table(cohort: Cohort, name: str, folder: Path, tables: str) -> dict[str, Any]:
    """Long form: a row for each seen value, and one without a variable for each step of which nothing was seen."""
    file = _file(folder, name, tables)
    names = [column.name for column in cohort.schemas[name].columns]
    write_table(_long(cohort.data[name], names, cohort.present[name]), file)
    return {"file": file.name}


def _long(data: Series, names: list[str], here: NDArray[np.bool_]) -> dict[str, Any]:
    import numpy as np

    seen = data.seen & here[:, None, None]
    row, step, channel = np.nonzero(seen)
    bare_row, bare_step = np.nonzero(~seen.any(axis=2) & here[:, None])
    none = np.full(len(bare_row), None, dtype=object)
    return {
        "record": np.concatenate([row, bare_row]),
        "step": np.concatenate([step, bare_step]),
        "time": np.concatenate([data.time[row, step], data.time[bare_row, bare_step]]),
        "variable": np.concatenate([np.asarray(names, dtype=object)[channel], none]),
        "value": np.concatenate([data.values[row, step, channel], np.full(len(none), np.nan, np.float32)]),
    }


def _media(cohort: Cohort, name: str, folder: Path, columns: dict[str, Any]) -> dict[str, Any]:
    """One file a record: PNG (animated for video), or .npy where PNG has no such number of channels."""
    import numpy as np

    schema = cohort.schemas[name]
    ending = "png" if schema.shape[-3] in PNG_CHANNELS else "npy"
    media = _file(folder, name)
    media.mkdir()
    files = np.full(len(cohort), None, dtype=object)
    for row, array in pictures(cohort.data[name], cohort.present[name]):
        files[row] = f"{media.name}/{row:06d}.{ending}"
        write_pixels(array, folder / files[row])
    video = {"frame_ms": FRAME_MS} if schema.kind == "video" else {}
    return {"column": _add(columns, name, files), "shape": list(schema.shape), **video}


def pictures(data: Pixels, here: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(row, pixels) of every record that has any, some in memory at a time."""
    import numpy as np

    there = np.flatnonzero(here)
    for at in range(0, len(there), AT_ONCE):
        rows = there[at : at + AT_ONCE]
        yield from zip(rows.tolist(), data.take(rows).array(), strict=True)


def write_pixels(array: NDArray[np.uint8], file: Path, frame_ms: int = FRAME_MS) -> None:
    """[c, h, w] or [t, c, h, w] as PNG (animated), or as .npy, by the file's ending; nothing is lost."""
    import numpy as np

    if file.suffix == ".npy":
        np.save(file, array, allow_pickle=False)
        return
    from PIL import Image

    frames = array if array.ndim == 4 else array[None]
    pictures = [
        Image.fromarray(frame[0] if len(frame) == 1 else np.ascontiguousarray(frame.transpose(1, 2, 0))) for frame in frames
    ]
    # Pillow joins equal neighbours into one longer frame; the durations let a reader take them apart again.
    movie: dict[str, Any] = {"save_all": True, "append_images": pictures[1:], "duration": frame_ms} if array.ndim == 4 else {}
    pictures[0].save(file, compress_level=1, **movie)


Writer = Callable[[Cohort, str, Path, dict[str, Any]], dict[str, Any]]
WRITERS: Mapping[str, Writer] = {"table": _table, "text": _text, "series": _series, "image": _media, "video": _media}


def write_document(document: Mapping[str, Any], file: Path) -> None:
    """A cohort.yaml."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 130
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(dict(document), stream)
