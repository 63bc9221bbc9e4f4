"""The tables a report prints: cells with intervals, and each method against one named reference."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import NotApplicable
from fpmg_bench.stats.intervals import interval
from fpmg_bench.stats.paired import PairedTest, corrected_t, detectable, holm

if TYPE_CHECKING:
    import pandas as pd

RATIO = 0.5  # 30 % held out, 60 % trained on


def headline(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Final values of one metric over all records: scope "all", no single modality, status ok."""
    chosen = (table["metric"] == metric) & (table["round"] == -1) & (table["scope"] == "all") & table["modality"].isna()
    return table[chosen & (table["status"] == "ok")]


def summary(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """dataset, method, mean, low, high (95 % over seeds), seeds; in the table's order."""
    import pandas as pd

    rows = []
    for (dataset, method), cell in headline(table, metric).groupby(["dataset", "method"], sort=False):
        mean, low, high = interval(list(cell["value"]))
        rows.append({"dataset": dataset, "method": method, "mean": mean, "low": low, "high": high, "seeds": len(cell)})
    return pd.DataFrame(rows, columns=["dataset", "method", "mean", "low", "high", "seeds"])


def compare(table: pd.DataFrame, metric: str, reference: str, ratio: float = RATIO, alpha: float = 0.05) -> pd.DataFrame:
    """Each method against the reference within each dataset, paired by seed; p is Holm-adjusted within the dataset.

    Columns: dataset, method, difference (method - reference), low, high, p, p_holm, verdict (better | worse | no difference |
    not ranked), reason, detectable (the smallest difference that this table could have found with power .8), seeds.
    ratio: held-out over training patients.
    """
    import pandas as pd

    columns = ["dataset", "method", "difference", "low", "high", "p", "p_holm", "verdict", "reason", "detectable", "seeds"]
    rows: list[dict[str, Any]] = []
    for dataset, cell in headline(table, metric).groupby("dataset", sort=False):
        values = {(str(r["method"]), int(r["seed"])): float(r["value"]) for r in cell.to_dict("records")}
        direction = cell["higher_is_better"].iloc[0]
        higher = None if pd.isna(direction) else bool(direction)
        rows += [{"dataset": dataset, **row} for row in _dataset(values, reference, ratio, alpha, higher)]
    return pd.DataFrame(rows, columns=columns)


def _dataset(
    values: Mapping[tuple[str, int], float], reference: str, ratio: float, alpha: float, higher: bool | None
) -> list[dict[str, Any]]:
    rows, tested = [], []
    for method in dict.fromkeys(name for name, _ in values if name != reference):
        pairs = [
            value - values[reference, seed]
            for (name, seed), value in values.items()
            if name == method and (reference, seed) in values
        ]
        row, p = _against(method, pairs, ratio)
        rows.append(row)
        if p is not None:
            tested.append(row)
    for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row |= {"p_holm": adjusted, "verdict": _verdict(row["difference"], adjusted < alpha, higher)}
    return rows


def _against(method: str, pairs: list[float], ratio: float) -> tuple[dict[str, Any], float | None]:
    spread = statistics.stdev(pairs) if len(pairs) > 1 else math.nan
    least = detectable(spread, len(pairs), ratio) if len(pairs) > 1 else math.inf
    row = {"method": method, "seeds": len(pairs), "detectable": least, "p": math.nan, "p_holm": math.nan, "reason": ""}
    try:
        test: PairedTest = corrected_t(pairs, ratio)
    except NotApplicable as refused:
        mean, low, high = interval(pairs)
        return row | {"difference": mean, "low": low, "high": high, "verdict": "not ranked", "reason": refused.reason}, None
    return row | {"difference": test.mean, "low": test.low, "high": test.high, "p": test.p, "verdict": "no difference"}, test.p


def _verdict(difference: float, certain: bool, higher: bool | None) -> str:
    """Better or worse needs both certainty and a direction."""
    if not certain or higher is None:
        return "no difference" if not certain else "different"
    return "better" if (difference > 0) == higher else "worse"
