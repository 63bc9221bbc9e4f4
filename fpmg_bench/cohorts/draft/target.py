"""A drafted label that is a number: its range and cut points as they were seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.columns import entry
from fpmg_bench.cohorts.draft.numbers import look
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.2, 0.4, 0.6, 0.8)


def number_label(file: object, name: str, values: pd.Series[Any]) -> str:
    """One item of `conditions`. Raises DatasetError where no cut lies between the smallest and the largest number."""
    made, remark = entry(name, values, "number")
    found = look(values.dropna().astype(str)).values
    found = found[found.between(made["low"], made["high"])]
    seen = sorted({float(f"{value:.3g}") for value in found.quantile(list(SHARES), interpolation="higher")})
    cuts = [cut for cut in seen if made["low"] < cut < made["high"]]
    if not cuts:
        raise DatasetError(
            f"{file}: column '{name}' is no label: most patients have the same number",
            "name a column of classes, or another number",
        )
    remarks = "; ".join(part for part in (remark, "cuts: fifths of the patients seen here; declare public ones") if part)
    return f"{json.dumps(made | {'type': 'number', 'cuts': cuts}, ensure_ascii=False)}  # {remarks}\n"
