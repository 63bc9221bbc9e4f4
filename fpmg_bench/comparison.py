"""Two runs, or two methods, side by side: means with intervals over seeds, and the paired difference where seeds are shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import NotApplicable, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from fpmg_bench.stats import Pairs
    from fpmg_bench.stats.judging import Verdict


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
    """One score of one dataset and method. difference: B - A, paired by seed, with its corrected 95 % interval; verdict: what B is.

    margin, detectable: in units of the loss, for ratios the logarithm; detectable: what this many seeds find with power .8.
    """

    dataset: str
    method: str
    metric: str
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    difference: float
    low: float
    high: float
    seeds: int
    verdict: Verdict
    p: float
    margin: float | None
    detectable: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One score of one side: value by seed, its direction, ideal and unit, and held-out over training patients."""

    values: Mapping[int, float]
    higher: bool | None
    best: float
    unit: str
    ratio: float


Key = tuple[str, str, str]


def compare(a: Side, b: Side, metrics: Sequence[str] = (), margins: Mapping[str, float] | None = None) -> list[Row]:
    """Rows for every score (or those named) that both sides measured, final values over all silos.

    Each is judged by `stats.judge`, over the datasets and methods of one score as a family; margins: instead of `stats.MARGINS`.
    Raises StoreError where the sides share nothing, or a named score is not among what they share.
    """
    left, right = _cells(a), _cells(b)
    if a.method is not None and b.method is not None:
        name = f"{a.method} -> {b.method}" if a.method != b.method else str(a.method)
        left, right = ({(d, name, m): cell for (d, _, m), cell in side.items()} for side in (left, right))
    shared = [key for key in left if key in right]
    unknown = [name for name in metrics if name not in {key[2] for key in shared}]
    if not shared or unknown:
        what = f"no measured score '{unknown[0]}'" if unknown and shared else "no measured dataset, method and metric"
        raise StoreError(f"{a.run} and {b.run} share {what}", _shared_words(shared))
    families: dict[str, list[Key]] = {}
    for key in shared:
        if not metrics or key[2] in metrics:
            families.setdefault(key[2], []).append(key)
    return [row for keys in families.values() for row in _family(keys, left, right, margins)]


def _shared_words(shared: Sequence[Key]) -> str:
    names = ", ".join(dict.fromkeys(key[2] for key in shared))
    return f"they share {names}" if names else "name a method on each side: compare RUN:METHOD RUN:METHOD"


def _family(
    keys: Sequence[Key], left: Mapping[Key, Cell], right: Mapping[Key, Cell], margins: Mapping[str, float] | None
) -> Iterator[Row]:
    """The rows of one score."""
    from fpmg_bench.stats import interval, judge, margin

    least = margin(keys[0][2], margins)
    judged = judge([_pairs(key, left[key], right[key], least) for key in keys])
    for key, found in zip(keys, judged, strict=True):
        a, b = left[key], right[key]
        means = interval(list(a.values.values())), interval(list(b.values.values()))
        plain = _plain(a, b)
        yield Row(
            *key, *means, *plain, found.seeds, found.verdict, found.p, least, found.detectable, found.reason
        )  # fmt: skip


def _pairs(key: Key, a: Cell, b: Cell, least: float | None) -> Pairs:
    from fpmg_bench.stats import Pairs, loss

    losses = [
        [loss(cell.values[seed], cell.higher, cell.best, cell.unit) for seed in sorted(a.values.keys() & b.values.keys())]
        for cell in (a, b)
    ]
    if any(each is None for side in losses for each in side):
        return Pairs(_raw(a, b), a.ratio, None, directed=False)
    return Pairs([(y or 0.0) - (x or 0.0) for x, y in zip(*losses, strict=True)], a.ratio, least)


def _raw(a: Cell, b: Cell) -> list[float]:
    return [b.values[seed] - a.values[seed] for seed in sorted(a.values.keys() & b.values.keys())]


def _plain(a: Cell, b: Cell) -> tuple[float, float, float]:
    """B - A in the score's own unit, with the corrected interval where there are seeds enough."""
    from fpmg_bench.stats import corrected_t, interval

    try:
        test = corrected_t(_raw(a, b), a.ratio)
    except NotApplicable:  # the verdict says why: fewer than five seeds
        return interval(_raw(a, b))
    return test.mean, test.low, test.high


def _cells(side: Side) -> dict[Key, Cell]:
    """(dataset, method, score) -> its values."""
    from fpmg_bench.results import Results

    results = Results(side.run)
    table = results.table()
    final = table[(table["round"] == -1) & (table["scope"] == "all") & table["modality"].isna() & (table["status"] == "ok")]
    if side.method is not None:
        final = final[final["method"] == side.method]
        if final.empty:
            known = ", ".join(sorted(set(table["method"])))
            raise StoreError(f"{side.run}: nothing measured for method '{side.method}'", f"it has {known}")
    ratios = {trial["spec"]["dataset_name"]: held_out_ratio(trial.get("split") or {}) for trial in results.trials()}
    return {(str(d), str(m), str(name)): cell for d, m, name, cell in _groups(final, ratios)}


def held_out_ratio(split: Mapping[str, Any]) -> float:
    """Held-out over training patients as trial.json counts them; 30 % over 60 % where it does not."""
    from fpmg_bench.stats import RATIO

    held_out, train = ((split.get(part) or {}).get("patients") for part in ("held_out", "train"))
    return held_out / train if held_out and train else RATIO


def _groups(final: pd.DataFrame, ratios: Mapping[str, float]) -> Iterator[tuple[Any, Any, Any, Cell]]:
    import pandas as pd

    from fpmg_bench.stats import RATIO

    for (dataset, method, metric), group in final.groupby(["dataset", "method", "metric"], sort=False):
        direction, unit = group["higher_is_better"].iloc[0], str(group["unit"].iloc[0] or "")
        values = {int(seed): float(value) for seed, value in zip(group["seed"], group["value"], strict=True)}
        higher = None if pd.isna(direction) else bool(direction)
        yield dataset, method, metric, Cell(values, higher, float(group["best"].iloc[0]), unit, ratios.get(str(dataset), RATIO))
