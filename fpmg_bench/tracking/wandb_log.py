"""Weights & Biases: a project a suite, a run a trial, offline in <run>/wandb unless WANDB_MODE says otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class WandbLog:
    """One trial's run."""

    def __init__(self, folder: Path, suite: str, trial: str) -> None:
        import wandb

        mode: Any = os.environ.get("WANDB_MODE", "offline")  # nothing leaves this machine unless it is asked to
        quiet = wandb.Settings(silent=True, console="off", disable_git=True, save_code=False)
        self.run: Any = wandb.init(project=suite, name=trial, dir=str(folder), mode=mode, reinit="create_new", settings=quiet)

    def settings(self, values: Mapping[str, str]) -> None:
        """The run's config."""
        self.run.config.update(dict(values))

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """One row of the history."""
        self.run.log(dict(values), step=step)

    def close(self, status: str) -> None:
        """Exit code 0 where the trial is ok."""
        self.run.finish(exit_code=int(status != "ok"))


def opener(root: Path, suite: str) -> Callable[[str], WandbLog]:
    """Raises ModuleNotFoundError without wandb."""
    import wandb  # noqa: F401 - told now, not at the first round

    root.mkdir(parents=True, exist_ok=True)
    return lambda trial: WandbLog(root, suite, trial)
