"""What one side of a comparison measured, and what it lost: scores by dataset, method and name, seed by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import StoreError
from fpmg_bench.types import OWN_SPACE

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[str, str, str]
FAILED = ("failed", "timeout")
EPSILON = "epsilon"  # the unit of scores that say nothing without their noise


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
class Cell:
    """One score of one side: value by seed, its direction, ideal and unit, and held-out over training patients.

    encoders: of a score in a method's own vectors, seed -> key of the stage 1 that these come from; else empty.
    holds: what is said beside an epsilon, see `privacy.claim`; "" for other scores and where nothing is claimed.
    """

    values: Mapping[int, float]
    higher: bool | None
    best: float
    unit: str
    ratio: float
    encoders: Mapping[int, str] = field(default_factory=dict)
    holds: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """One score, or a whole metric, that has no value for some seeds: seed -> status and reason."""

    seeds: Mapping[int, tuple[str, str]]

    def among(self, seeds: Mapping[int, float]) -> Lost:
        """Of these seeds only."""
        return Lost({seed: why for seed, why in self.seeds.items() if seed in seeds})

    @property
    def failed(self) -> list[int]:
        """Seeds whose trial, or whose metric, failed or timed out; not those where a score is not applicable or was not run yet."""
        return sorted(seed for seed, (status, _) in self.seeds.items() if status in FAILED)

    @property
    def text(self) -> str:
        """Distinct statuses and reasons."""
        return "; ".join(dict.fromkeys(f"{status.replace('_', ' ')}: {reason}" for status, reason in self.seeds.values()))


def read(side: Side) -> tuple[dict[Key, Cell], dict[Key, Lost]]:
    """(dataset, method, score) -> its final values over all silos, and what has none. Raises StoreError for an unknown method."""
    from fpmg_bench.privacy.claim import words
    from fpmg_bench.run_table import rebuilt
    from fpmg_bench.store import STALE, RunDir

    run = RunDir(side.run)
    table = rebuilt(run)
    if side.method is not None and side.method not in set(table["method"]):
        known = ", ".join(sorted(set(table["method"])))
        raise StoreError(f"{side.run}: nothing measured for method '{side.method}'", f"it has {known}")
    final = table[(table["round"] == -1) & (table["scope"] == "all") & table["modality"].isna()]
    final = final if side.method is None else final[final["method"] == side.method]
    planned = run.trials()
    trials = [found for trial in planned if (found := run.record(trial).result) is not None]
    ratios = {trial["spec"]["dataset_name"]: held_out_ratio(trial.get("split") or {}) for trial in trials}
    holds = {(trial["spec"]["dataset_name"], trial["spec"]["method"]): words(trial) for trial in trials}
    encoders = {trial.key: str(trial.stage1) for trial in planned}
    cells = dict(_cells(final[final["status"] == "ok"], ratios, encoders, holds))
    return cells, dict(_lost(final[~final["status"].isin(["ok", STALE])]))


def held_out_ratio(split: Mapping[str, Any]) -> float:
    """Held-out over training patients as trial.json counts them; 30 % over 60 % where it does not.

    0 where every seed has patients of its own: seeds are independent then, and the paired test is Student's.
    """
    from fpmg_bench.stats import RATIO

    if split.get("fresh"):
        return 0.0
    held_out, train = ((split.get(part) or {}).get("patients") for part in ("held_out", "train"))
    return held_out / train if held_out and train else RATIO


def _cells(
    final: pd.DataFrame, ratios: Mapping[str, float], encoders: Mapping[str, str], holds: Mapping[tuple[str, str], str]
) -> Iterator[tuple[Key, Cell]]:
    import pandas as pd

    from fpmg_bench.stats import RATIO

    for (dataset, method, metric), group in final.groupby(["dataset", "method", "metric"], sort=False):
        direction, unit = group["higher_is_better"].iloc[0], str(group["unit"].iloc[0] or "")
        values = {int(seed): float(value) for seed, value in zip(group["seed"], group["value"], strict=True)}
        higher = None if pd.isna(direction) else bool(direction)
        own = OWN_SPACE in str(group["source"].iloc[0])
        vectors = {int(seed): encoders.get(str(key), "") for seed, key in zip(group["seed"], group["key"], strict=True) if own}
        said = holds.get((str(dataset), str(method)), "") if unit == EPSILON else ""
        cell = Cell(values, higher, float(group["best"].iloc[0]), unit, ratios.get(str(dataset), RATIO), vectors, said)
        yield (str(dataset), str(method), str(metric)), cell


def _lost(final: pd.DataFrame) -> Iterator[tuple[Key, Lost]]:
    for (dataset, method, metric), group in final.groupby(["dataset", "method", "metric"], sort=False):
        rows = zip(group["seed"], group["status"], group["reason"], strict=True)
        yield (str(dataset), str(method), str(metric)), Lost({int(seed): (str(status), str(why)) for seed, status, why in rows})
