"""What is handed out: a scene, which is a cohort under one seed with its trials, so that a worker reads the cohort once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fpmg_bench.store import Planned


@dataclass(slots=True)
class Scene:
    """Trials that run on one worker, one after the other. lost: the workers that went away with it; begun: a worker has told of it.

    ticket: what it was last handed out under; only: addresses of the workers that may have it, None for all.
    """

    trials: list[Planned]
    lost: list[str] = field(default_factory=list)
    ticket: str = ""
    begun: bool = False
    only: tuple[str, ...] | None = None
    worker: str = ""


def scenes(trials: Sequence[Planned], slots: int) -> list[Scene]:
    """The scenes of these trials, those with private trials first, which take longest, then the larger ones.

    Where there are fewer than slots, the largest are divided, never between trials that share a stage 1.
    """
    once = {trial.key: trial for trial in trials}
    parts: dict[str, list[list[Planned]]] = {}
    for group in _sharing(list(once.values())):
        parts.setdefault(group[0].scene, []).append(group)
    found = list(parts.values())
    while len(found) < slots and (largest := max(found, key=len, default=[])) and len(largest) > 1:
        found.remove(largest)
        found += [largest[::2], largest[1::2]]
    flat = [[trial for group in scene for trial in group] for scene in found]
    flat.sort(key=lambda scene: (-sum(trial.spec.privacy is not None for trial in scene), -len(scene)))
    return [Scene(scene) for scene in flat]


def _sharing(trials: Sequence[Planned]) -> list[list[Planned]]:
    """Trials by their stage 1; one without is alone."""
    groups: dict[str, list[Planned]] = {}
    for trial in trials:
        groups.setdefault(trial.stage1 or trial.key, []).append(trial)
    return list(groups.values())
