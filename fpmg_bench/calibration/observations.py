"""What a finished calibration run measured: one value a cohort, control, strength, seed, score and modality."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.store import RunDir


ENCODED = "encoded "


@dataclass(frozen=True, slots=True)
class Observation:
    """One final score of one control trial. value NaN: not measured, with the reason.

    control: its name; "encoded NAME" where its records passed through encoders.

    patients: of the whole cohort; held_out, members: held-out and training patients;
    minority: training records of the smallest class.
    """

    cohort: str
    control: str
    strength: float
    seed: int
    key: str
    modality: str | None
    value: float
    low: float
    high: float
    floor: float
    higher: bool | None
    patients: int
    held_out: int
    members: int
    minority: int
    reason: str = ""

    @property
    def score(self) -> str:
        """The key, with "@modality" where the score is of one modality."""
        return f"{self.key}@{self.modality}" if self.modality else self.key


def observe(runs: Iterable[Path]) -> list[Observation]:
    """All final scores (scope "all") of the control trials of these run directories. Raises StoreError where one is no run.

    What several runs measured of the same cohort, control, strength and seed counts once: the first run's.
    """
    from fpmg_bench.store import RunDir

    kept: dict[tuple[str, str, float, int, str], Observation] = {}
    for run in runs:
        for found in _of_run(RunDir(run)):
            kept.setdefault((found.cohort, found.control, found.strength, found.seed, found.score), found)
    return list(kept.values())


def _of_run(run: RunDir) -> Iterator[Observation]:
    from fpmg_bench.store import collect

    trials = {trial.key: trial for trial in run.trials() if trial.spec.control}
    people = {key: _people(run.record(trial).result or {}) for key, trial in trials.items()}
    for row in collect(run).to_dict("records"):
        if row["key"] not in trials or row["round"] != -1 or row["scope"] != "all" or not _of_release(row["metric"]):
            continue
        spec = trials[row["key"]].spec
        assert spec.control is not None
        strength = float(spec.control.params.get("strength", 1.0))
        low, high, floor = (float(row[name]) for name in ("low", "high", "floor"))
        patients, held_out, members, minority = people[row["key"]]
        good = row["status"] == "ok"
        yield Observation(
            cohort=spec.dataset_name,
            control=f"{ENCODED}{spec.control.name}" if spec.trains else spec.control.name,
            strength=strength,
            seed=spec.seed,
            key=row["metric"],
            modality=row["modality"] if isinstance(row["modality"], str) else None,
            value=float(row["value"]) if good else math.nan,
            low=low,
            high=high,
            floor=floor,
            higher=_flag(row["higher_is_better"]),
            patients=patients,
            held_out=held_out,
            members=members,
            minority=minority,
            reason="" if good else f"{row['status']}: {row['reason']}",
        )


def _of_release(key: str) -> bool:
    """Whether the score depends on the release at all: what is said of real patients alone is the same for every control."""
    return bool(key) and not key.endswith((".floor", ".trtr", ".folds"))


def _people(result: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Patients in all, held out, in training, and training records of the smallest class."""
    split = result.get("split") or {}
    counts = {name: int((split.get(name) or {}).get("patients", 0)) for name in ("train", "held_out", "third")}
    by_class = [sum(column) for column in zip(*(silo["label_counts"] for silo in result.get("silos") or ()), strict=True)]
    return sum(counts.values()), counts["held_out"], counts["train"], min((n for n in by_class if n), default=0)


def _flag(value: Any) -> bool | None:
    return bool(value) if value is True or value is False or type(value).__name__ == "bool_" else None
