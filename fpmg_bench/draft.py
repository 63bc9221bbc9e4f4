"""A first cohort.yaml for a table of one's own: columns are guessed, and every guess says that it wants confirming."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

CATEGORIES = 20  # text columns with more distinct values are no category
TEXT_LENGTH = 30  # mean characters from which a column is free text
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
HEAD = """\
# A cohort of your own. Check every line: ranges and categories are public and must be declared, not learnt from patients;
# what stands here was seen in {manifest} and is only a draft. The format: docs/folder-cohorts.md
version: 1
name: {name}
licence: unknown            # under what terms may the data be used?
publishable: false          # true: reports may show samples of real patients
manifest: {manifest}
patient: {patient}
"""


def draft(manifest: Path, patient: str, label: str, silo: str = "") -> str:
    """The text of cohort.yaml beside a csv or parquet table. patient, label, silo: columns of the table.

    Raises DatasetError where the table cannot be read or a column is missing.
    """
    frame = _read(manifest)
    for column in (patient, label, *([silo] if silo else [])):
        if column not in frame.columns:
            raise DatasetError(f"{manifest}: no column '{column}'", f"it has {', '.join(map(str, frame.columns))}")
    text = HEAD.format(manifest=_word(manifest.name), name=_word(manifest.parent.resolve().name), patient=_word(patient))
    text += f"silo: {{column: {_word(silo)}}}\n" if silo else "# silo: {column: HOSPITAL}\n"
    text += f"conditions:               # the first is the label\n  - {_column(frame, label, label=True)}\nmodalities:\n"
    rest = [str(name) for name in frame.columns if name not in (patient, label, silo)]
    return text + "".join(_modalities(frame, rest))


def _read(manifest: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if manifest.suffix == ".parquet":
            return pd.read_parquet(manifest)
        return pd.read_csv(manifest)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{manifest}: {error}", "a csv (UTF-8, with a header) or parquet table, one row a record") from error


def _modalities(frame: pd.DataFrame, names: list[str]) -> Iterator[str]:
    pictures = [name for name in names if _is_picture(frame[name])]
    texts = [name for name in names if name not in pictures and _is_text(frame[name])]
    plain = [name for name in names if name not in pictures and name not in texts]
    kept = [name for name in plain if frame[name].nunique() > 1 and not _too_many(frame[name])]
    if kept:
        yield "  table:\n    kind: table\n    columns:\n"
        yield from (f"      - {_column(frame, name)}\n" for name in kept)
    for name in texts:
        length = int(frame[name].dropna().str.len().quantile(0.95))
        yield f"  {_word(name)}: {{kind: text, column: {_word(name)}, length: {length}}}  # does it tell the label? then name it under leaks\n"
    for name in pictures:
        yield f"  {_word(name)}: {{kind: image, column: {_word(name)}, shape: [1, 64, 64]}}\n"
    yield from (f"# left out: {name} (constant, or {CATEGORIES} categories and more)\n" for name in plain if name not in kept)


def _column(frame: pd.DataFrame, name: str, label: bool = False) -> str:
    """One column in YAML's flow style; JSON is YAML."""
    from pandas.api.types import is_numeric_dtype

    values = frame[name].dropna()
    distinct = sorted({str(_tidy(value)) for value in values.unique()})
    if set(distinct) <= {"0", "1"}:
        return json.dumps({"name": name, "type": "flag"})
    if label or not is_numeric_dtype(values):
        return json.dumps({"name": name, "type": "category", "categories": distinct}, ensure_ascii=False)
    whole = bool((values == values.round()).all())
    entry = {"name": name, "type": "number", "low": float(values.min()), "high": float(values.max())}
    return json.dumps(entry | ({"step": 1.0} if whole else {}), ensure_ascii=False)


def _tidy(value: Any) -> Any:
    """1.0 is written 1: a csv with missing cells turns flags into floats."""
    return int(value) if isinstance(value, (float, bool)) and float(value).is_integer() else value


def _strings(values: pd.Series[Any]) -> bool:
    return values.dtype == object or str(values.dtype).startswith("str")


def _is_picture(values: pd.Series[Any]) -> bool:
    return _strings(values) and bool(values.dropna().astype(str).str.lower().str.endswith(PICTURES).mean() > 0.9)


def _is_text(values: pd.Series[Any]) -> bool:
    return (
        _strings(values) and values.nunique() > CATEGORIES and float(values.dropna().astype(str).str.len().mean()) >= TEXT_LENGTH
    )


def _too_many(values: pd.Series[Any]) -> bool:
    return _strings(values) and values.nunique() > CATEGORIES


def _word(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
