"""Two runs, or two methods, side by side: means with intervals over seeds, and the paired difference where seeds are shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import NotApplicable, StoreError

if TYPE_CHECKING:
    import pandas as pd

RATIO = 0.5  # held-out over training patients: 30 % and 60 %
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Side:
    """A run directory, all its methods or one: "runs/multimodal" or "runs/multimodal:fpmg"."""

    run: Path
    method: str | None = None

    @classmethod
    def parse(cls, text: str) -> Side:
        """From the command line; a path that exists is taken whole, colons and all."""
        path, colon, method = text.rpartition(":")
        if not colon or Path(text).exists():
            return cls(Path(text))
        return cls(Path(path), method)


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one dataset and method. difference: B - A, paired by seed; verdict says what B is."""

    dataset: str
    method: str
    metric: str
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    difference: float
    low: float
    high: float
    seeds: int
    verdict: str
    reason: str = ""


def compare(a: Side, b: Side, metrics: Sequence[str] = ()) -> list[Row]:
    """Rows for every metric (or those named) that both sides measured, final values over all silos.

    Differences are tested from 5 shared seeds on (Nadeau & Bengio 2003), Holm-adjusted over all rows; below, "not ranked".
    Raises StoreError where the sides share nothing.
    """
    left, right = _cells(a), _cells(b)
    pooled = a.method is not None and b.method is not None
    if pooled:
        name = f"{a.method} -> {b.method}" if a.method != b.method else str(a.method)
        left, right = ({(d, name, m): cell for (d, _, m), cell in side.items()} for side in (left, right))
    shared = [key for key in left if key in right and (not metrics or key[2] in metrics)]
    if not shared:
        raise StoreError(
            f"{a.run} and {b.run} share no measured dataset, method and metric",
            "name a method on each side: compare RUN:METHOD RUN:METHOD",
        )
    return _judged([_row(key, left[key], right[key]) for key in shared])


Cell = tuple[Mapping[int, float], bool | None]
Key = tuple[str, str, str]


def _cells(side: Side) -> dict[Key, Cell]:
    """(dataset, method, metric) -> (value by seed, direction)."""
    from fpmg_bench.results import Results

    table = Results(side.run).table()
    final = table[(table["round"] == -1) & (table["scope"] == "all") & table["modality"].isna() & (table["status"] == "ok")]
    if side.method is not None:
        final = final[final["method"] == side.method]
        if final.empty:
            known = ", ".join(sorted(set(table["method"])))
            raise StoreError(f"{side.run}: nothing measured for method '{side.method}'", f"it has {known}")
    return {(str(d), str(m), str(name)): cell for d, m, name, cell in _groups(final)}


def _groups(final: pd.DataFrame) -> Iterator[tuple[Any, Any, Any, Cell]]:
    import pandas as pd

    for (dataset, method, metric), group in final.groupby(["dataset", "method", "metric"], sort=False):
        direction = group["higher_is_better"].iloc[0]
        values = {int(seed): float(value) for seed, value in zip(group["seed"], group["value"], strict=True)}
        yield dataset, method, metric, (values, None if pd.isna(direction) else bool(direction))


def _row(key: Key, a: Cell, b: Cell) -> tuple[Row, float, bool | None]:
    """A row, its p value (NaN where nothing was tested) and the metric's direction."""
    from fpmg_bench.stats import corrected_t, interval

    pairs = [b[0][seed] - a[0][seed] for seed in sorted(a[0].keys() & b[0].keys())]
    means = interval(list(a[0].values())), interval(list(b[0].values()))
    try:
        test = corrected_t(pairs, RATIO)
    except NotApplicable as refused:
        difference, low, high = interval(pairs)
        return Row(*key, *means, difference, low, high, len(pairs), "not ranked", refused.reason), float("nan"), a[1]
    return Row(*key, *means, test.mean, test.low, test.high, len(pairs), "no difference"), test.p, a[1]


def _judged(rows: Sequence[tuple[Row, float, bool | None]]) -> list[Row]:
    """Verdicts after Holm's correction over all tested rows."""
    from dataclasses import replace

    from fpmg_bench.stats import holm

    tested = [p for _, p, _ in rows if p == p]
    adjusted = iter(holm(tested))
    judged = []
    for found, p, higher in rows:
        row = found
        if p == p and next(adjusted) < ALPHA:
            better = None if higher is None else (row.difference > 0) == higher
            row = replace(row, verdict={True: "better", False: "worse", None: "different"}[better])
        judged.append(row)
    return judged
