"""Scores of the long table, looked up by cohort, method and metric, and their summary over seeds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpmg_bench.report.wording import as_float

FINAL = -1
Row = Mapping[str, Any]


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

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[tuple[str, str, str, str, str | None, str], list[Row]] = {}
        self.metrics: dict[str, Row] = {}
        self.scopes: dict[tuple[str, str, str], dict[str, None]] = {}
        self.modalities: dict[tuple[str, str, str], dict[str, None]] = {}
        for row in rows:
            if _whole(row.get("round")) == FINAL:
                self._add(row)

    def _add(self, row: Row) -> None:
        suite, dataset, method, metric = (str(row[k]) for k in ("suite", "dataset", "method", "metric"))
        modality, scope = row.get("modality") or None, str(row.get("scope") or "all")
        self._rows.setdefault((suite, dataset, method, metric, modality, scope), []).append(row)
        self.metrics.setdefault(metric, row)
        self.scopes.setdefault((suite, dataset, metric), {})[scope] = None
        if modality:
            self.modalities.setdefault((suite, dataset, metric), {})[modality] = None

    def rows(
        self, suite: str, dataset: str, method: str, metric: str, modality: str | None = None, scope: str = "all"
    ) -> list[Row]:
        """One row a seed."""
        return self._rows.get((suite, dataset, method, metric, modality, scope), [])

    def has(self, suite: str, dataset: str, metric: str) -> bool:
        """Was it asked for on this cohort, whatever came of it?"""
        return (suite, dataset, metric) in self.scopes

    def values(self, *where: Any, **more: Any) -> dict[int, float]:
        """Seed -> measured value."""
        return {
            int(r["seed"]): v
            for r in self.rows(*where, **more)
            if r.get("status", "ok") == "ok" and (v := as_float(r.get("value"))) is not None
        }

    def summary(self, *where: Any, of: int = 0, seeds: Collection[int] | None = None, **more: Any) -> Summary:
        """Mean and interval over the seeds (or those named) that have a value, else the reason why none has."""
        rows = [row for row in self.rows(*where, **more) if seeds is None or int(row["seed"]) in seeds]
        good = [row for row in rows if row.get("status", "ok") == "ok" and as_float(row.get("value")) is not None]
        of = max(of, len(rows))
        if good:
            return _mean(good, of)
        if rows:
            return Summary(None, None, None, 0, of, str(rows[0].get("status")), str(rows[0].get("reason") or ""))
        return Summary(None, None, None, 0, of, "absent", "")


def _mean(rows: Sequence[Row], of: int) -> Summary:
    from fpmg_bench.stats import interval

    values = [v for row in rows if (v := as_float(row["value"])) is not None]
    floors = [v for row in rows if (v := as_float(row.get("floor"))) is not None]
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


def _own(rows: Sequence[Row]) -> tuple[float, float] | None:
    """Mean of the metric's own intervals (a bootstrap over patients), where every seed has one."""
    ends = [(as_float(row.get("low")), as_float(row.get("high"))) for row in rows]
    lows, highs = [low for low, _ in ends if low is not None], [high for _, high in ends if high is not None]
    return (sum(lows) / len(lows), sum(highs) / len(highs)) if len(lows) == len(highs) == len(rows) else None


def _within(row: Row, end: float) -> float | None:
    """An end of an interval over few seeds, cut where the score cannot go: the range that its metric declares."""
    found, lowest, highest = (as_float(value) for value in (end, row.get("lowest"), row.get("highest")))
    if found is None:
        return None
    return min(max(found, -math.inf if lowest is None else lowest), math.inf if highest is None else highest)


def _whole(value: Any) -> int:
    number = as_float(value)
    return FINAL if number is None else int(number)
