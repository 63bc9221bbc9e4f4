"""Which trial of a run releases: the final one of a method where there is one, else one that was evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import StoreError
from fpmg_bench.store import FINAL_TRIALS, Damaged, Planned, RunDir
from fpmg_bench.store.artefacts import read_state
from fpmg_bench.trial.release import Recipe

ANEW = "run it again: the suite's command keeps all that is finished"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A finished trial. run: where it lies; result: its trial.json; cohort: of plan.json; evaluated: trial.json of all that
    measured the method on this cohort; table: what a suite says of itself (name, components)."""

    run: RunDir
    trial: Planned
    result: Mapping[str, Any]
    plan: Mapping[str, Any]
    evaluated: Sequence[Mapping[str, Any]]

    @property
    def cohort(self) -> Mapping[str, Any]:
        """What planning knew of the cohort."""
        found: Mapping[str, Any] = self.plan["cohorts"][self.trial.spec.dataset_name]
        return found

    @property
    def public_sizes(self) -> bool:
        """Whether numbers of patients may be told."""
        return self.trial.spec.privacy is None or self.trial.spec.privacy.public_sizes

    def stored(self) -> tuple[dict[Any, Any], Recipe]:
        """States and recipe. Raises StoreError where the trial left none, or another version did."""
        folder = self.run.trial(self.trial.key)
        found = read_state(folder / "state.safetensors")
        if isinstance(found, Damaged):
            raise StoreError(str(found), ANEW)
        if not found or "recipe" not in found[1].get("extra", {}):
            raise StoreError(f"{folder}: no states from which patients can be drawn", ANEW)
        return found[0], Recipe.from_json(found[1]["extra"]["recipe"])


def chosen(run: Path, method: str, dataset: str | None = None, seed: int | None = None, *, judged: bool = False) -> Chosen:
    """The trial. Raises StoreError naming what there is to choose from; of several seeds the first is taken.

    judged: none of `run --final`, which holds nobody out.
    """
    evaluated, final = RunDir(run), RunDir(run / FINAL_TRIALS)
    wanted = (evaluated,) if judged else (final, evaluated)
    places = [place for place in wanted if (place.root / "plan.json").exists()] or [evaluated]
    planned = [(place, trial) for place in places for trial in place.trials() if seed in (None, trial.spec.seed)]
    mine = [
        (place, trial) for place, trial in planned if trial.spec.method == method and dataset in (None, trial.spec.dataset_name)
    ]
    if not mine:
        known = list(dict.fromkeys(t.spec.method if t.spec.method != method else t.spec.dataset_name for _, t in planned))
        raise StoreError(
            f"{run}: no trial of {'/'.join(filter(None, (dataset, method)))}.{did_you_mean(method, known)}",
            f"it has {', '.join(known[:8]) or 'none at all'}",
        )
    cohorts = list(dict.fromkeys(trial.spec.dataset_name for _, trial in mine))
    if len(cohorts) > 1:
        raise StoreError(f"{run}: {method} ran on {', '.join(cohorts)}", "choose one: --dataset")
    done = [(place, trial, place.record(trial)) for place, trial in mine]
    ended = [(place, trial, record.result) for place, trial, record in done if record.status == "ok" and record.result]
    if not ended:
        why = next((record.reason for _, _, record in done if record.reason), "it has not ended")
        raise StoreError(f"{run}: {mine[0][1].id} has nothing to release: {why}", ANEW)
    place, trial, result = ended[0]
    scored = [result for at, _, result in ended if at is not final]
    return Chosen(place, trial, result, place.plan(), scored)
