"""What is damaged in a run directory, said before its trials start; what is cheap is mended here, the rest is computed again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from fpmg_bench.runner.planning import RunPlan
from fpmg_bench.store import Damaged, Planned, RunDir, load_stage1, read_json, write_json


def mend(made: RunPlan, run: RunDir, tell: Callable[[dict[str, Any]], None]) -> None:
    """Clear what interrupted writers left, tell of every damaged trial, drop damaged stages 1 that trials would wait for."""
    run.sweep()
    waiting: dict[str | None, Planned] = {}
    for trial in made.trials:
        if run.finished(trial):
            if not read_json(run.trial(trial.key) / "key.json"):
                write_json(run.trial(trial.key) / "key.json", made.preimages[trial.key])
            continue
        chosen = trial.id in made.selected
        waiting |= {trial.stage1: trial} if chosen else {}
        for damage in run.damage(trial):
            tell(_note(trial, damage, "computed again" if chosen else "left out, since it is not among the chosen trials"))
    for key, trial in waiting.items():
        found = load_stage1(run.stage1(key)) if key else None
        if key and isinstance(found, Damaged):
            shutil.rmtree(run.stage1(key))
            tell(_note(trial, found, "computed again"))


def _note(trial: Planned, damage: Damaged, what: str) -> dict[str, Any]:
    return {"event": "note", "trial": trial.id, "text": f"{damage.path.parent.name[:12]}/{damage}; {what}"}
