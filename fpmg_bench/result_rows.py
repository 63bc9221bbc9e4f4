"""A row of results.parquet as Python sees it. Nothing is imported here at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

if TYPE_CHECKING:
    import pandas as pd


class ResultRow(TypedDict):
    """One trial, round, scope, modality and metric. None: unknown, or not measured for the reason given.

    round: -1 after the last; scope: all | silo:NAME | class:NAME | group:NAME; low, high: 95 % interval; floor: real against
    real; n: patients; best, lowest, highest: of the score's scale; status: ok | not_applicable | failed | timeout | damaged |
    skipped.
    """

    schema_version: int
    suite: str
    dataset: str
    method: str
    role: str
    seed: int
    key: str
    round: int
    scope: str
    modality: str | None
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    floor: float | None
    status: str
    reason: str
    higher_is_better: bool | None
    best: float | None
    lowest: float | None
    highest: float | None
    unit: str | None
    source: str | None


def result_rows(table: pd.DataFrame) -> list[ResultRow]:
    """The rows of a table with the columns and types of results.parquet; NaN, NaT and NA are None."""
    plain = table.astype(object).where(table.notna(), None)
    return cast("list[ResultRow]", plain.to_dict("records"))  # pandas does not say which columns a table has
