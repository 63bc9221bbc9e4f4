"""Scores of the long table, looked up by cohort, method and metric, and their summary over seeds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpmg_bench.result_rows import ResultRow

FINAL = -1


@dataclass(frozen=True, slots=True)
class Summary:
    """One number over seeds: mean and 95 % interval; status says why there is none. seeds: how many were measured of how many.

    own: the interval is the metric's own (one seed, bootstrap over patients), not over seeds. patients: mean over seeds of the
    metric's own intervals, None where it has none.
    """

    mean: float | None
    low: float | None
    high: float | None
    seeds: int
    of: int
    status: str = "ok"
    reason: str = ""
    floor: float | None = None
    own: bool = False
    patients: tuple[float, float] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low, self.high)


class Scores:
    """Final rows of the results table. Values stay as the store wrote them; nothing is imputed."""

    def __init__(self, rows: Iterable[ResultRow]) -> None:
        self._rows: dict[tuple[str, str, str, str, str | None, str], list[ResultRow]] = {}
        self.metrics: dict[str, ResultRow] = {}
        self.scopes: dict[tuple[str, str, str], dict[str, None]] = {}
        self.modalities: dict[tuple[str, str, str], dict[str, None]] = {}
        for row in rows:
            if row["round"] == FINAL:
                self._add(row)

    def _add(self, row: ResultRow) -> None:
        suite, dataset, metric, scope, modality = row["suite"], row["dataset"], row["metric"], row["scope"], row["modality"]
        self._rows.setdefault((suite, dataset, row["method"], metric, modality, scope), []).append(row)
        self.metrics.setdefault(metric, row)
        self.scopes.setdefault((suite, dataset, metric), {})[scope] = None
        if modality:
            self.modalities.setdefault((suite, dataset, metric), {})[modality] = None

    def rows(
        self, suite: str, dataset: str, method: str, metric: str, modality: str | None = None, scope: str = "all"
    ) -> list[ResultRow]:
        """One row a seed."""
        return self._rows.get((suite, dataset, method, metric, modality, scope), [])

    def has(self, suite: str, dataset: str, metric: str) -> bool:
        """Was it asked for on this cohort, whatever came of it?"""
        return (suite, dataset, metric) in self.scopes

    def values(self, *where: Any, **more: Any) -> dict[int, float]:
        """Seed -> measured value."""
        found = self.rows(*where, **more)
        return {row["seed"]: row["value"] for row in found if row["status"] == "ok" and row["value"] is not None}

    def summary(self, *where: Any, of: int = 0, seeds: Collection[int] | None = None, **more: Any) -> Summary:
        """Mean and interval over the seeds (or those named) that have a value, else the reason why none has."""
        rows = [row for row in self.rows(*where, **more) if seeds is None or row["seed"] in seeds]
        good = [row for row in rows if row["status"] == "ok" and row["value"] is not None]
        of = max(of, len(rows))
        if good:
            return _mean(good, of)
        if rows:
            return Summary(None, None, None, 0, of, rows[0]["status"], rows[0]["reason"])
        return Summary(None, None, None, 0, of, "absent", "")


def summarised(values: Mapping[int, float], of: int, status: str, reason: str = "") -> Summary:
    """Mean and interval over seeds of what was derived from scores, or why there are none. values: by seed; of: how many seeds."""
    from fpmg_bench.stats import interval

    if not values:
        return Summary(None, None, None, 0, of, status, reason)
    mean, low, high = interval(list(values.values())) if len(values) > 1 else (next(iter(values.values())), None, None)
    return Summary(float(mean), low, high, len(values), of)


def _mean(rows: Sequence[ResultRow], of: int) -> Summary:
    from fpmg_bench.stats import interval

    values = [row["value"] for row in rows if row["value"] is not None]
    floors = [row["floor"] for row in rows if row["floor"] is not None]
    floor = sum(floors) / len(floors) if floors else None
    own = _own(rows)
    if len(values) == 1:
        low, high = own or (None, None)
        return Summary(values[0], low, high, 1, of, floor=floor, own=True, patients=own)
    if any(v in (float("inf"), float("-inf")) for v in values):
        return Summary(max(values), None, None, len(values), of, floor=floor)
    mean, low, high = interval(values)
    low, high = (_within(rows[0], end) for end in (low, high))
    return Summary(float(mean), low, high, len(values), of, floor=floor, patients=own)


def _own(rows: Sequence[ResultRow]) -> tuple[float, float] | None:
    """Mean of the metric's own intervals (a bootstrap over patients), where every seed has one."""
    lows = [row["low"] for row in rows if row["low"] is not None]
    highs = [row["high"] for row in rows if row["high"] is not None]
    return (sum(lows) / len(lows), sum(highs) / len(highs)) if len(lows) == len(highs) == len(rows) else None


def _within(row: ResultRow, end: float) -> float | None:
    """An end of an interval over few seeds, cut where the score cannot go: the range that its metric declares."""
    if math.isnan(end):
        return None
    lowest, highest = row["lowest"], row["highest"]
    return min(max(end, -math.inf if lowest is None else lowest), math.inf if highest is None else highest)
