"""A drafted label that is a number: its range and cut points as they were seen."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts.draft.columns import entry
from fpmg_bench.cohorts.draft.numbers import look
from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.2, 0.4, 0.6, 0.8)
TIME = re.compile(
    r"(fu|follow.?up|survival|surv|event|death|os|pfs|dfs)?[_\s.-]?(time|days?|months?|years?)|(time|days|months|years)[_\s.-]?to[_\s.-].*"
    r"|os|pfs|dfs|follow.?up|survival",
    re.IGNORECASE,
)


def event_remark(event: str, frame: pd.DataFrame, numbers: list[str]) -> str:
    """Lines that say how a flag and the number beside it that is called as times are become the time to an event; "" without such a number."""
    time = next((name for name in numbers if TIME.fullmatch(name)), "")
    if not time:
        return ""
    declared, _ = entry(time, frame[time], "number")
    named = json.dumps(time, ensure_ascii=False)
    return (
        f"  # is {named} the time of it, or until which there was none? Then it tells the label: move it here from the table,\n"
        f"  # - {json.dumps(declared, ensure_ascii=False)}\n"
        f"  # and write above `conditions`: label: {json.dumps({'event': event, 'time': time}, ensure_ascii=False)}\n"
    )


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
