"""Cells as text into columns of a parquet file's types, and into cells of an Excel sheet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.tables import LISTED
from fpmg_plugins.datasets.folder.columns import FLAGS

if TYPE_CHECKING:
    import pyarrow as pa

    Texts = list[str | None]

DICTIONARY = re.compile(r"dictionary<values=(?P<values>\w+), indices=(?P<indices>\w+)")
ZEROS = re.compile(r"-?0\d")  # 007 is a word
TIMESTAMP = re.compile(r"timestamp\[(?P<unit>\w+)(?:, tz=(?P<zone>[^\]]+))?\]")
LIST = re.compile(r"(?P<large>large_)?list<\w+: (?P<values>.+?)(?: not null)?>")
DECIMAL = re.compile(r"decimal(?P<bits>128|256)\((?P<digits>\d+), (?P<behind>-?\d+)\)")
ALIASES = {"date32[day]": "date32", "date64[ms]": "date64"}  # arrow prints what it does not read


def is_text(stored: str) -> bool:
    """Whether cells of this type are words, so that numbers in them have marks: a csv's, a parquet's strings."""
    return stored in ("", "string", "large_string", "str") or "dictionary<values=string" in stored


def is_moment(stored: str) -> bool:
    """Whether cells of this type are dates."""
    return stored.startswith(("timestamp", "date32", "date64"))


def is_list(stored: str) -> bool:
    """Whether a cell is a list, which readers see as its pieces with `LISTED` between them."""
    return bool(LIST.fullmatch(stored))


def is_whole(stored: str) -> bool:
    """Whether names of records are numbers there."""
    return "int" in stored or stored in ("double", "float")


def excel(cell: str | None, stored: str) -> Any:
    """What openpyxl writes for a cell of this type; a word among numbers stays a word."""
    import pandas as pd

    if cell is None or not cell:
        return None
    if stored == "bool" and cell.lower() in FLAGS:
        return FLAGS[cell.lower()] == 1.0
    if is_moment(stored):
        return pd.Timestamp(cell).to_pydatetime()
    if stored != "double" or ZEROS.match(cell):
        return cell
    try:
        value = float(cell)
    except ValueError:
        return cell
    return int(cell) if cell.lstrip("-").isdigit() else value


def arrow(cells: Texts, stored: str) -> pa.Array:
    """Cells as the column of a parquet file of this type; text where it has no type, or one that is no word's or number's."""
    import decimal

    import pandas as pd
    import pyarrow as pa

    kind = _type(stored)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(cells, kind, str(kind.value_type))
    if pa.types.is_decimal(kind):
        grain = decimal.Decimal(1).scaleb(-kind.scale)
        return pa.array([None if cell is None else decimal.Decimal(cell).quantize(grain) for cell in cells], kind)
    if pa.types.is_dictionary(kind):
        return arrow(cells, str(kind.value_type)).dictionary_encode().cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array([None if cell is None else FLAGS.get(cell.lower()) == 1.0 for cell in cells], kind)
    if pa.types.is_integer(kind):
        return pa.array([None if (value := _number(cell)) is None else round(value) for cell in cells], kind)
    if pa.types.is_floating(kind):
        return pa.array([None if (value := _number(cell)) is None else float(value) for cell in cells], kind)
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        moments = pd.to_datetime(pd.Series(cells, dtype=object), format="ISO8601").to_numpy("datetime64[us]")
        return pa.array(moments, pa.timestamp("us")).cast(kind, safe=False)
    return pa.array(cells if _is_text(kind) else [None] * len(cells), kind)


def _lists(cells: Texts, kind: pa.DataType, values: str) -> pa.Array:
    """The pieces of each cell; of an empty cell none."""
    import pyarrow as pa

    parts = [None if cell is None else [piece for piece in cell.split(LISTED) if piece] for cell in cells]
    held = arrow([piece for part in parts for piece in part or ()], values).to_pylist()
    rest = iter(held)
    return pa.array([None if part is None else [next(rest) for _ in part] for part in parts], kind)


def _number(cell: str | None) -> int | float | None:
    """None of a word: the category of all others, in a column of codes that are numbers. Whole numbers of any size stay exact."""
    try:
        return None if cell is None else int(cell) if cell.lstrip("-").isdigit() else float(cell)
    except ValueError:
        return None


def _type(stored: str) -> pa.DataType:
    import pyarrow as pa

    if found := DICTIONARY.match(stored):
        return pa.dictionary(_type(found["indices"]), _type(found["values"]))
    if found := LIST.fullmatch(stored):
        return (pa.large_list if found["large"] else pa.list_)(_type(found["values"]))
    if found := DECIMAL.fullmatch(stored):
        kind = pa.decimal256 if found["bits"] == "256" else pa.decimal128
        return kind(int(found["digits"]), int(found["behind"]))
    if found := TIMESTAMP.fullmatch(stored):
        return pa.timestamp(found["unit"], found["zone"])
    try:
        return pa.type_for_alias(ALIASES.get(stored, stored) or "string")
    except ValueError:
        return pa.string()


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
