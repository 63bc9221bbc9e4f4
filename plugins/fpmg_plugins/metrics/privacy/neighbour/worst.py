"""The worst of several attacks over all silos, chosen on one half of the patients and scored on the other, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.types import Score
from fpmg_plugins.metrics.privacy.targets import LEAST
from fpmg_plugins.metrics.ranking import auroc
from fpmg_plugins.metrics.resampling import interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_plugins.metrics.privacy.neighbour.candidates import People

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

    def area(self, half: int, weights: Floats | None = None, round: int | None = None) -> Floats:
        """AUROC among a half's candidates under bootstrap weights [draws, p]; NaN where either side is empty."""
        score = self.overall(round)
        return _area(score, self.people.member, (self.people.half == half) & np.isfinite(score), weights)

    def floor(self, half: int, round: int | None = None) -> float:
        """AUROC of R1 against R2 among a half's candidates that nobody trained on."""
        score = self.overall(round)
        unseen = ~self.people.member & (self.people.half == half) & np.isfinite(score)
        return float(_area(score, self.people.first, unseen)[0])

    @property
    def members(self) -> int:
        """Members who can be asked."""
        return int((np.isfinite(self.scores).all(0) & self.people.member).sum())

    @property
    def enough(self) -> bool:
        """Can at least LEAST a side be asked?"""
        requested = np.isfinite(self.scores).all(0)
        return bool(min(self.members, int((requested & ~self.people.member).sum())) >= LEAST)


@dataclass(frozen=True, slots=True)
class Silo:
    """What is told of one silo, or of all: area [1 + draws], floor, members asked about."""

    scope: str
    area: Floats
    floor: float
    members: int


Answers = Mapping[Attack, Mapping[int, Answer]]  # attack -> silo -> answer
Choice = Mapping[int, Attack]  # half -> the attack that was worst on the other half


@dataclass(frozen=True, slots=True)
class Told:
    """How answers become scores: names of silos, bootstrap draws and their seed. Adversaries who saw the same share an answer."""

    answers: Answers
    names: Sequence[str]
    draws: int
    seed: int
    _areas: dict[tuple[int, int], float] = field(default_factory=dict)
    _weights: dict[int, Floats] = field(default_factory=dict)
    _told: dict[tuple[int | None, ...], Silo | None] = field(default_factory=dict)

    def chosen(self, among: Iterable[Attack]) -> Choice | None:
        """For each half the attack that is most surely above guessing on the other half; None where there is none to choose.

        That is the mean excess of the AUROC over silos times the root of their members, since its error falls with that: an
        attack on one small silo alone wins by chance too easily.
        """
        sure = {attack: [self._surety(attack, half) for half in HALVES] for attack in among}
        return {half: max(sure, key=lambda attack: sure[attack][1 - half]) for half in HALVES} if sure else None

    def scores(self, key: str, choice: Choice, modality: str | None = None, round: int | None = None) -> list[Score]:
        """The mean over silos (scope all), and every silo where both halves' attacks could be made."""
        each = [reported for silo in self._silos(choice, round) if (reported := self._silo(silo, choice, round)) is not None]
        if not each:
            return []
        floor = float(np.mean([reported.floor for reported in each]))
        mean = Silo(
            "all", np.mean([reported.area for reported in each], axis=0), floor, sum(reported.members for reported in each)
        )
        return [_score(key, reported, modality, round) for reported in (mean, *each)]

    def _weights_of(self, silo: int, people: People) -> Floats:
        if silo not in self._weights:
            self._weights[silo] = people.weights(self.draws, self.seed)
        return self._weights[silo]

    def _surety(self, attack: Attack, half: int) -> float:
        found = {id(answer): answer for answer in self.answers[attack].values()}
        for key, answer in found.items():
            if (key, half) not in self._areas:
                self._areas[key, half] = float(answer.area(half)[0])
        known = [key for key in found if np.isfinite(self._areas[key, half])]
        if not known:
            return -1.0
        members = sum(found[key].members for key in known)
        return (float(np.mean([self._areas[key, half] for key in known])) - 0.5) * float(members**0.5)

    def _silos(self, choice: Choice, round: int | None) -> list[int]:
        able = [{s for s, a in self.answers[attack].items() if round is None or round in a.rounds} for attack in choice.values()]
        return sorted(set.intersection(*able))

    def _silo(self, silo: int, choice: Choice, round: int | None) -> Silo | None:
        """Means of both halves; None where one of them has nobody on one side."""
        found = {half: self.answers[attack][silo] for half, attack in choice.items()}
        key = (round, *(id(answer) for answer in found.values()))
        if key not in self._told:
            areas = [answer.area(half, self._weights_of(silo, answer.people), round) for half, answer in found.items()]
            floor = float(np.mean([answer.floor(half, round) for half, answer in found.items()]))
            mean = np.mean(areas, axis=0)
            reported = Silo(f"silo:{self.names[silo]}", mean, floor, min(answer.members for answer in found.values()))
            self._told[key] = reported if np.isfinite(mean[0]) else None
        return self._told[key]


def _score(key: str, reported: Silo, modality: str | None, round: int | None) -> Score:
    low, high = interval(reported.area[1:])
    floor = reported.floor if np.isfinite(reported.floor) else None
    return Score(
        key, float(reported.area[0]), reported.scope, modality, round, low=low, high=high, floor=floor, n=reported.members
    )


def _area(score: Floats, positive: Mask, rows: Mask, weights: Floats | None = None) -> Floats:
    """AUROC of these rows under weights [draws, p]."""
    if not 0 < positive[rows].sum() < rows.sum():
        return np.full(1 if weights is None else len(weights), np.nan)
    return auroc(score[rows], positive[rows], None if weights is None else weights[:, rows])
