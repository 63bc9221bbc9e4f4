"""The worst of several attacks over all silos, chosen on one half of the patients and scored on the other, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Score
from fpmg_plugins.metrics.neighbour_people import LEAST
from fpmg_plugins.metrics.ranking import auroc
from fpmg_plugins.metrics.resampling import interval, patient_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.metrics.neighbour_people import People

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

HALVES = (0, 1)


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to ask: by whom, on which module of which stage, by which score. modality: whose records it tells of, or joint."""

    adversary: str
    stage: str
    module: str
    modality: str
    score: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attack says of one silo's candidates: scores [rounds, p], NaN who cannot be asked."""

    people: People
    rounds: Sequence[int]
    scores: Floats

    def overall(self, round: int | None = None) -> Floats:
        """Mean over rounds [p], or one round's."""
        scores: Floats = self.scores.mean(0) if round is None else self.scores[list(self.rounds).index(round)]
        return scores

    def area(self, half: int, draws: int = 0, round: int | None = None, seed: int = 0) -> Floats:
        """AUROC [1 + draws] among a half's candidates; NaN where either side is empty."""
        score = self.overall(round)
        return _area(score, self.people.member, (self.people.half == half) & np.isfinite(score), draws, seed)

    def floor(self, half: int, round: int | None = None) -> float:
        """AUROC of R1 against R2 among a half's candidates that nobody trained on."""
        score = self.overall(round)
        unseen = ~self.people.member & (self.people.half == half) & np.isfinite(score)
        return float(_area(score, self.people.first, unseen, 0, 0)[0])

    @property
    def members(self) -> int:
        """Members who can be asked."""
        return int((np.isfinite(self.scores).all(0) & self.people.member).sum())

    @property
    def enough(self) -> bool:
        """Can at least LEAST a side be asked?"""
        asked = np.isfinite(self.scores).all(0)
        return bool(min(self.members, int((asked & ~self.people.member).sum())) >= LEAST)


Answers = Mapping[Attack, Mapping[int, Answer]]  # attack -> silo -> answer
Choice = Mapping[int, Attack]  # half -> the attack that was worst on the other half


def chosen(answers: Answers, among: Iterable[Attack]) -> Choice | None:
    """For each half the attack with the largest mean AUROC over silos on the other half; None where there is none to choose."""
    attacks = list(among)
    if not attacks:
        return None
    means = {attack: [_mean(answers[attack], half) for half in HALVES] for attack in attacks}
    return {half: max(attacks, key=lambda attack: means[attack][1 - half]) for half in HALVES}


@dataclass(frozen=True, slots=True)
class Told:
    """How answers become scores: names of silos, bootstrap draws and their seed."""

    answers: Answers
    names: Sequence[str]
    draws: int
    seed: int

    def scores(self, key: str, choice: Choice, modality: str | None = None, round: int | None = None) -> list[Score]:
        """The mean over silos (scope all), and every silo where both halves' attacks could be made."""
        each = [s for silo in self._silos(choice, round) if (s := self._silo(silo, choice, round)) is not None]
        if not each:
            return []
        area, floor, n = np.mean([s[0] for s in each], axis=0), [s[1] for s in each], sum(s[2] for s in each)
        rows = [("all", area, float(np.mean(floor)), n), *((f"silo:{self.names[s[3]]}", *s[:3]) for s in each)]
        return [_score(key, *row, modality, round) for row in rows]

    def _silos(self, choice: Choice, round: int | None) -> list[int]:
        able = [{s for s, a in self.answers[attack].items() if round is None or round in a.rounds} for attack in choice.values()]
        return sorted(set.intersection(*able))

    def _silo(self, silo: int, choice: Choice, round: int | None) -> tuple[Floats, float, int, int] | None:
        """(area [1 + draws], floor, members, silo), means of both halves."""
        found = {half: self.answers[attack][silo] for half, attack in choice.items()}
        seed = self.seed + 2 * silo
        areas = np.stack([answer.area(half, self.draws, round, seed + half) for half, answer in found.items()])
        floors = [answer.floor(half, round) for half, answer in found.items()]
        if not np.isfinite(areas[:, 0]).all():
            return None
        return areas.mean(0), float(np.mean(floors)), min(answer.members for answer in found.values()), silo


def _score(key: str, scope: str, area: Floats, floor: float, n: int, modality: str | None, round: int | None) -> Score:
    low, high = interval(area[1:])
    told = floor if np.isfinite(floor) else None
    return Score(key, float(area[0]), scope, modality, round, low=low, high=high, floor=told, n=n)


def _mean(answers: Mapping[int, Answer], half: int) -> float:
    areas = [float(answer.area(half)[0]) for answer in answers.values()]
    known = [area for area in areas if np.isfinite(area)]
    return float(np.mean(known)) if known else -1.0


def _area(score: Floats, positive: Mask, rows: Mask, draws: int, seed: int) -> Floats:
    """AUROC of these rows, then of draws with replacement of each side by itself."""
    score, positive = score[rows], positive[rows]
    if not 0 < positive.sum() < len(positive):
        return np.full(1 + draws, np.nan)
    weights = np.ones((1 + draws, len(positive)), np.float32)
    rng = np.random.default_rng(seed % 2**63)
    for side in (positive, ~positive):
        weights[1:, side] = patient_weights(np.arange(side.sum()), draws, rng)
    return auroc(score, positive, weights)
