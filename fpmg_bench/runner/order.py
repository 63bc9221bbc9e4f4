"""Which trial runs next: one of a scene that is there already, whose stage 1 nobody else is computing right now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fpmg_bench.store import Planned


@dataclass(slots=True)
class Queue:
    """Trials to run, each key once. stage1_ready: whether a stage 1 is on disk and can be shared."""

    waiting: list[Planned]
    stage1_ready: Callable[[str], bool]

    @classmethod
    def of(cls, trials: Iterable[Planned], stage1_ready: Callable[[str], bool]) -> Queue:
        """Scene by scene, in each private trials first: they take longest, and a long trial started last leaves other cores idle."""
        once: dict[str, Planned] = {}
        for trial in trials:
            once.setdefault(trial.key, trial)
        scenes: dict[str, list[Planned]] = {}
        for trial in once.values():
            scenes.setdefault(trial.scene, []).append(trial)
        in_order = [sorted(scene, key=lambda trial: trial.spec.privacy is None) for scene in scenes.values()]
        return cls([trial for scene in in_order for trial in scene], stage1_ready)

    def take(self, running: Iterable[Planned], fits: Callable[[Planned], bool] = lambda trial: True) -> Planned | None:
        """The first trial that fits and can start beside the running ones; None if all wait for a stage 1 or a device, or none is left."""
        busy = {trial.stage1 for trial in running if trial.stage1 and not self.stage1_ready(trial.stage1)}
        for trial in self.waiting:
            if trial.stage1 not in busy and fits(trial):
                self.waiting.remove(trial)
                return trial
        return None
