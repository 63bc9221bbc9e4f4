"""Is a modality's data valid under its declared schema? One check for the kit, and for what decoders release."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpmg_bench.types import Column, Pixels, Schema, Series, Table, Text

TYPES: dict[str, type[Table | Series | Text | Pixels]] = {
    "table": Table,
    "series": Series,
    "text": Text,
    "image": Pixels,
    "video": Pixels,
}
SLACK = 1e-4  # float32 rounding at the ends of a range, relative


def fault(schema: Schema, data: Any, n: int) -> str:
    """The first thing about these n records that the schema does not allow, in words; "" where there is none.

    Single values of tables and series may be missing, all of them may not.
    """
    return next(_faults(schema, data, n), "")


def _faults(schema: Schema, data: Any, n: int) -> Iterator[str]:
    expected = TYPES[schema.kind]
    if not isinstance(data, expected):
        yield f"{type(data).__name__} for a {schema.kind}, expected {expected.__name__}"
        return
    if not isinstance(data, Series) and len(data) != n:
        yield f"{len(data)} records for {n}"
        return
    if isinstance(data, Table):
        yield from _table(schema, data)
    elif isinstance(data, Series):
        yield from _series(schema, data, n)
    elif isinstance(data, Text):
        yield from _text(schema, data)
    else:
        yield from _pixels(schema, data, n)


def _table(schema: Schema, data: Table) -> Iterator[str]:
    names = [column.name for column in schema.columns]
    if list(data.frame.columns) != names:
        yield f"columns {list(data.frame.columns)}, the schema says {names}"
        return
    if len(data) and names and bool(data.frame.isna().all(axis=None)):
        yield "every value is missing"
    for column in schema.columns:
        yield from _column(column, data.frame[column.name].dropna())


def _column(column: Column, values: Any) -> Iterator[str]:
    """values: those that are known."""
    what = f"column {column.name!r}"
    if column.type == "category":
        allowed = set(column.categories)
        odd = sorted({str(value) for value in values if not isinstance(value, str) or value not in allowed})
        if odd:
            yield f"{what} holds undeclared categories {odd[:3]}"
        return
    try:
        numbers = values.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        yield f"{what} is a {column.type}, and holds {values.iloc[0]!r}"
        return
    yield from _within(column, numbers, what)


def _within(column: Column, numbers: NDArray[np.float64], what: str) -> Iterator[str]:
    if not np.isfinite(numbers).all():
        yield f"{what} holds a value that is not finite"
        return
    if column.type == "flag":
        if not set(np.unique(numbers)) <= {0.0, 1.0}:
            yield f"{what} is a flag with values other than 0 and 1"
        return
    low = -np.inf if column.low is None else column.low - SLACK * max(1.0, abs(column.low))
    high = np.inf if column.high is None else column.high + SLACK * max(1.0, abs(column.high))
    outside = numbers[(numbers < low) | (numbers > high)]
    if len(outside):
        yield f"{what} leaves its range [{column.low}, {column.high}]: {outside[0]:.6g}"


def _series(schema: Schema, data: Series, n: int) -> Iterator[str]:
    width = len(schema.columns)
    if data.time.ndim != 2 or data.time.shape[0] != n or data.time.shape[1] > schema.shape[0]:
        yield f"time {data.time.shape} for {n} records of at most {schema.shape[0]} steps"
        return
    shape = (*data.time.shape, width)
    if data.values.shape != shape or data.seen.shape != shape:
        yield f"values {data.values.shape}, seen {data.seen.shape}, expected {shape}"
        return
    if data.seen.dtype != bool:
        yield f"seen is {data.seen.dtype}"
        return
    if not (np.isfinite(data.time).all() and (np.diff(data.time, axis=1) >= 0).all()):
        yield "time runs backwards, or is not finite"
    if data.seen.size and not data.seen.any():
        yield "every value is missing"
    if data.values[~data.seen].any():
        yield "unseen values are not 0"
    for i, column in enumerate(schema.columns):
        yield from _within(column, data.values[..., i][data.seen[..., i]].astype(np.float64), f"channel {column.name!r}")


def _text(schema: Schema, data: Text) -> Iterator[str]:
    odd = next((one for one in data.strings if not isinstance(one, str)), None)
    if odd is not None:
        yield f"{odd!r} is no string"
        return
    longest = max((len(one) for one in data.strings), default=0)
    if longest > schema.shape[0]:
        yield f"a text of {longest} characters, the schema allows {schema.shape[0]}"


def _pixels(schema: Schema, data: Pixels, n: int) -> Iterator[str]:
    array = data.array()
    if array.dtype != np.uint8:
        yield f"pixels of type {array.dtype}"
    if array.shape != (n, *schema.shape):
        yield f"pixels {array.shape}, the schema says {(n, *schema.shape)}"
