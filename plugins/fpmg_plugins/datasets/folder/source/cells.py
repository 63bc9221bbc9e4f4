"""Values back into the cells that a column has: codes before `map`, decimals of `step`, types of a parquet file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_plugins.datasets.folder.columns import FLAGS
from fpmg_plugins.datasets.folder.spec import ColumnSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Texts = list[str | None]

SYNTHETIC = "synthetic-"
FIRST = {"int32": 2_000_000_000, "uint32": 4_000_000_000}  # ids among whole numbers begin where a hospital's do not
DICTIONARY = re.compile(r"dictionary<values=(?P<values>\w+), indices=(?P<indices>\w+)")
FIRST_OF_ALL = 9_000_000_000_000


def texts(spec: ColumnSpec, values: Sequence[Any] | NDArray[Any]) -> Texts:
    """Cells of a column as text, None where missing. values [n]: names of categories; flags and numbers as float64."""
    return INVERSES[spec.type](spec, values)


def _categories(spec: ColumnSpec, values: Sequence[Any] | NDArray[Any]) -> Texts:
    codes = {name: code(spec, name) for name in spec.categories}
    return [codes[value] if isinstance(value, str) else None for value in values]


def code(spec: ColumnSpec, category: str) -> str:
    """What the source writes for a category: the first key that `map` turns into it. A key that is only spelt otherwise is a variant of the name."""
    keys = [key for key, value in spec.map.items() if value is not None and str(value) == category]
    own = category not in spec.map or category in keys
    variants = all(key.strip().casefold() == category.strip().casefold() for key in keys)
    return category if own and variants else keys[0] if keys else category


def _flags(spec: ColumnSpec, values: Sequence[Any] | NDArray[Any]) -> Texts:
    keys = {FLAGS.get(str(value).lower()): key for key, value in reversed(list(spec.map.items())) if value is not None}
    words = {1.0: keys.get(1.0, "1"), 0.0: keys.get(0.0, "0")}
    return [words.get(float(value)) for value in values]


def _numbers(spec: ColumnSpec, values: Sequence[Any] | NDArray[Any]) -> Texts:
    found = number_texts(values, spec.step)
    if not spec.map:
        return found
    keys = {float(value): key for key, value in reversed(list(spec.map.items())) if value is not None}
    mapped = set(spec.map)  # a number that `map` would turn into another one is written by the key of its own, where there is one
    return [keys.get(float(text), text) if text in mapped else text for text in found]


def number_texts(values: Sequence[Any] | NDArray[Any], step: float | None = None) -> Texts:
    """As many decimals as `step` has; without it whole numbers as such, others with the digits that single precision tells apart."""
    numbers = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(numbers)
    if step is not None:
        places = max(0, -int(Decimal(repr(step)).normalize().as_tuple().exponent))
        rounded = np.round(numbers, places) + 0.0  # no "-0"
        return [f"{value:.{places}f}" if there else None for value, there in zip(rounded.tolist(), known, strict=True)]
    return [_shortest(value) if there else None for value, there in zip(numbers.tolist(), known, strict=True)]


def _shortest(value: float) -> str:
    return str(int(value)) if value == int(value) else str(np.float32(value))


Inverse = Callable[[ColumnSpec, "Sequence[Any] | NDArray[Any]"], "Texts"]
INVERSES: Mapping[str, Inverse] = {"category": _categories, "flag": _flags, "number": _numbers}


def ids(n: int, stored: str) -> Texts:
    """Names that are nobody's: `synthetic-0001`, or large numbers where the column holds whole ones."""
    if "int" in stored or stored in ("double", "float"):
        first = FIRST.get(stored, 1 if stored.endswith(("8", "16")) else FIRST_OF_ALL)
        return [str(first + at) for at in range(n)]
    width = len(str(n))
    return [f"{SYNTHETIC}{at + 1:0{width}d}" for at in range(n)]


def arrow(cells: Texts, stored: str) -> pa.Array:
    """Cells as the column of a parquet file of this type; text where it has no type, or one that is no word's or number's."""
    import pyarrow as pa

    kind = _type(stored)
    if pa.types.is_dictionary(kind):
        return arrow(cells, str(kind.value_type)).dictionary_encode().cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array([None if cell is None else FLAGS.get(cell.lower()) == 1.0 for cell in cells], kind)
    if pa.types.is_integer(kind):
        return pa.array([None if cell is None else int(float(cell)) if "." in cell else int(cell) for cell in cells], kind)
    if pa.types.is_floating(kind):
        return pa.array([None if cell is None else float(cell) for cell in cells], kind)
    return pa.array(cells if _is_text(kind) else [None] * len(cells), kind)


def _type(stored: str) -> pa.DataType:
    import pyarrow as pa

    if found := DICTIONARY.match(stored):
        return pa.dictionary(_type(found["indices"]), _type(found["values"]))
    try:
        return pa.type_for_alias(stored or "string")
    except ValueError:
        return pa.string()


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
