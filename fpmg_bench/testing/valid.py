"""Is a modality's data valid under its declared schema?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fpmg_bench.types import Column, Kind, Pixels, Schema, Series, Table, Text

TYPES: Mapping[Kind, type[Table | Series | Text | Pixels]] = {
    "table": Table,
    "series": Series,
    "text": Text,
    "image": Pixels,
    "video": Pixels,
}
SLACK = 1e-4  # float32 rounding at the ends of a range, relative


def assert_valid(schema: Schema, data: Any, n: int, what: str) -> None:
    """AssertionError naming the first thing that the schema does not allow. Missing values are allowed in tables."""
    expected = TYPES[schema.kind]
    assert isinstance(data, expected), f"{what}: {type(data).__name__} for a {schema.kind}, expected {expected.__name__}"
    assert len(data) == n, f"{what}: {len(data)} records for {n}"
    if isinstance(data, Table):
        _table(schema, data, what)
    elif isinstance(data, Series):
        _series(schema, data, n, what)
    elif isinstance(data, Text):
        assert all(isinstance(one, str) for one in data.strings), f"{what}: not a string"
        longest = max((len(one) for one in data.strings), default=0)
        assert longest <= schema.shape[0], f"{what}: a text of {longest} characters, the schema allows {schema.shape[0]}"
    else:
        array = data.array()
        assert array.dtype == np.uint8, f"{what}: pixels of type {array.dtype}"
        assert array.shape == (n, *schema.shape), f"{what}: pixels {array.shape}, the schema says {(n, *schema.shape)}"


def _table(schema: Schema, data: Table, what: str) -> None:
    names = [column.name for column in schema.columns]
    assert list(data.frame.columns) == names, f"{what}: columns {list(data.frame.columns)}, the schema says {names}"
    for column in schema.columns:
        values = data.frame[column.name]
        if column.type == "category":
            odd = set(values.dropna()) - set(column.categories)
            assert not odd, f"{what}: column {column.name!r} holds undeclared categories {sorted(map(str, odd))[:3]}"
        else:
            numbers = values.dropna().to_numpy(dtype=np.float64)
            _within(column, numbers, f"{what}: column {column.name!r}")


def _within(column: Column, numbers: np.ndarray[Any, Any], what: str) -> None:
    assert bool(np.isfinite(numbers).all()), f"{what} holds an infinite value"
    if column.type == "flag":
        assert set(np.unique(numbers)) <= {0.0, 1.0}, f"{what} is a flag with values other than 0 and 1"
        return
    low = -np.inf if column.low is None else column.low - SLACK * max(1.0, abs(column.low))
    high = np.inf if column.high is None else column.high + SLACK * max(1.0, abs(column.high))
    assert bool(((numbers >= low) & (numbers <= high)).all()), f"{what} leaves its range [{column.low}, {column.high}]"


def _series(schema: Schema, data: Series, n: int, what: str) -> None:
    steps, width = data.time.shape[1], len(schema.columns)
    assert data.time.shape[0] == n and steps <= schema.shape[0], (
        f"{what}: time {data.time.shape}, at most {schema.shape[0]} steps"
    )
    assert data.values.shape == data.seen.shape == (n, steps, width), (
        f"{what}: values {data.values.shape}, seen {data.seen.shape}"
    )
    assert data.seen.dtype == bool, f"{what}: seen is {data.seen.dtype}"
    assert bool((np.diff(data.time, axis=1) >= 0).all()), f"{what}: time runs backwards"
    assert not data.values[~data.seen].any(), f"{what}: unseen values are not 0"
    for i, column in enumerate(schema.columns):
        _within(column, data.values[..., i][data.seen[..., i]].astype(np.float64), f"{what}: channel {column.name!r}")
