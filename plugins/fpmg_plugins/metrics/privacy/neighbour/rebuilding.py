"""Rows rebuilt from what adversaries saw: are they nearer to the silo's patients than to others, and nearer than a mean row?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Score
from fpmg_plugins.metrics.privacy.neighbour.inversion import Guess, invert, misses
from fpmg_plugins.metrics.privacy.neighbour.views import AT_SERVER, PAIR
from fpmg_plugins.metrics.privacy.neighbour.worst import Answer, Attack, Told
from fpmg_plugins.metrics.resampling import interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.metrics.privacy.neighbour.attacks import Target
    from fpmg_plugins.metrics.privacy.neighbour.candidates import People
    from fpmg_plugins.metrics.privacy.neighbour.membership import Asking
    from fpmg_plugins.metrics.privacy.neighbour.views import Sights, Views

    Floats = NDArray[np.floating[Any]]

BY = (PAIR, "hop_1", AT_SERVER)  # who knows best where training began comes first
KINDS = ("table", "image")
OWN = 64  # records of the adversary's own patients


@dataclass(frozen=True, slots=True)
class Effort:
    """How much inversion may cost: silos (the smallest), first rounds, rows rebuilt from each, iterations."""

    silos: int
    rounds: int
    rows: int
    iterations: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was rebuilt of one module at one silo: each candidate's miss [p] by the best match, and by the mean row [p]."""

    attack: Attack
    people: People
    best: Floats
    mean: Floats

    @property
    def members(self) -> int:
        """Members who can be asked."""
        return int((self.people.member & np.isfinite(self.best)).sum())

    def ratio(self, member: bool, draws: int, seed: int) -> Floats:
        """Miss of the best match over miss of the mean row [1 + draws], members or others."""
        at = (self.people.member == member) & np.isfinite(self.best)
        weights = self.people.weights(draws, seed)[:, at]
        found: Floats = (weights @ self.best[at]) / (weights @ self.mean[at])
        return found


def rebuilt(seen: Views, silos: Sequence[Asking], effort: Effort, seed: int) -> list[Rebuilt]:
    """Tables, pictures and joint vectors of the smallest silos, from the first rounds that were seen."""
    found: list[Rebuilt] = []
    if effort.iterations:
        sizes = {id(one): int((one.evidence.train.silo == one.people.silo).sum()) for one in silos}
        for one in sorted(silos, key=lambda one: sizes[id(one)])[: effort.silos]:
            views = next((seen[name, one.people.silo] for name in BY if (name, one.people.silo) in seen), {})
            for stage, sights in views.items():
                found += _stage(one, stage, sights, effort, seed)
    return found


def scores(found: Sequence[Rebuilt], names: Sequence[str], draws: int, seed: int) -> list[Score]:
    """`neighbour.inversion` (AUROC of the nearness to rebuilt rows) and `neighbour.rebuilt` by modality."""
    reported = []
    for modality in dict.fromkeys(one.attack.modality for one in found):
        of = [one for one in found if one.attack.modality == modality]
        attack = of[0].attack
        answers = {attack: {one.people.silo: Answer(one.people, (0,), -one.best[None]) for one in of if one.attack == attack}}
        reported += Told(answers, names, draws, seed).scores("neighbour.inversion", {0: attack, 1: attack}, modality)
        ratios = np.mean([one.ratio(True, draws, seed) for one in of], axis=0)
        low, high = interval(ratios[1:])
        floor = float(np.mean([one.ratio(False, 0, seed) for one in of]))
        n = sum(one.members for one in of)
        reported.append(Score("neighbour.rebuilt", float(ratios[0]), modality=modality, low=low, high=high, floor=floor, n=n))
    return reported


def _stage(one: Asking, stage: str, sights: Sights, effort: Effort, seed: int) -> Iterator[Rebuilt]:
    schemas = one.evidence.train.schemas
    named = stage.partition(":")[2]
    if named and schemas[named].kind not in KINDS:
        return
    targets, records = one.targets(stage, sights[0])
    for module, target in targets.items():
        mine = [sight for sight in sights if module in sight.modules][: effort.rounds]
        guess = _guess(one, stage, target, effort.rows)
        if mine and guess is not None:
            rows = [invert(target, sight, guess, effort.iterations, seed + sight.round) for sight in mine]
            missed = misses(guess.standard(target.batch), rows)
            best, mean = (one.people.of_patients(part, records) for part in missed)
            attack = Attack("inversion", stage, module, one.modality(stage, module), "inversion")
            if np.isfinite(best).any():  # else the search diverged: nothing was rebuilt
                yield Rebuilt(attack, one.people, best, mean)


def _guess(one: Asking, stage: str, target: Target, rows: int) -> Guess | None:
    """From patients of the next silo that has any of this kind; None where nothing of them is a number or a pixel."""
    train, n = one.evidence.train, len(one.evidence.silo_names)
    for silo in ((one.people.silo + k) % n for k in range(1, n)):
        own = train.take(np.flatnonzero(train.silo == silo)[:OWN])
        seen, at = one.evidence.rows(stage, own, one.people.silo)
        if len(at):
            guess = Guess.of(target.features(seen), rows)
            return guess if guess.mean else None
    return None
