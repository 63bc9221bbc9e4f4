"""The worst of several attacks, chosen on one half of the patients and scored on the other, in both directions.

Whoever chooses and scores on the same patients reports the luckiest attack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.privacy.targets import LEAST, Targets
from fpmg_plugins.metrics.ranking import auroc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]
    Name = tuple[str, str | None]  # attack, modality

LOW_FPR, TPR_FROM = 0.01, 1_000  # a threshold that 1 % pass needs as many non-members to be set on


@dataclass(frozen=True, slots=True)
class Tried:
    """Attacks on the same targets. scores: (attack, modality) -> [n], NaN unknown; weights [1 + draws, n]: the bootstrap."""

    targets: Targets
    scores: Mapping[Name, Floats]
    weights: Floats
    _areas: dict[int, Floats] = field(init=False, default_factory=dict, compare=False, repr=False)

    def only(self, rows: Mask) -> Tried:
        """The same attacks on some of the targets."""
        return Tried(self.targets.take(rows), {name: score[rows] for name, score in self.scores.items()}, self.weights[:, rows])

    def area(self, name: Name, rows: Mask | None = None) -> tuple[Floats, int]:
        """AUC and its draws [1 + draws] of one attack, and patients a side. Raises NotApplicable below 20 a side."""
        known = ~np.isnan(self.scores[name]) & (True if rows is None else rows)
        n = self.targets.a_side(known)
        if n < LEAST:
            raise NotApplicable(f"{n} members or non-members are known to this attack; {LEAST} of each are needed")
        return auroc(self.scores[name][known], self.targets.member[known], self.weights[:, known]), n

    def chosen(self) -> dict[int, Name]:
        """half -> the attack with the largest AUC on the other half, among those that know 10 patients a side of both halves."""
        found = {}
        for half in (0, 1):
            values = {name: self._value(name, self.targets.half != half) for name in self.scores if self._known(name)}
            if not values:
                raise NotApplicable(f"no attack knows {LEAST // 2} members and non-members of both halves of the patients")
            found[half] = max(values, key=lambda name: values[name])
        return found

    def worst(self, rows: Mask | None = None) -> tuple[Floats, int]:
        """AUC and draws of the attacks chosen on all patients of a half, on the other half's patients `rows`: mean of both.

        Every draw chooses anew: given the choice alone, 90 to 94 of 100 intervals at 26 to 56 patients a side held .5 where nothing leaks.
        """
        known = [self._rows(name, half) & (True if rows is None else rows) for half, name in self.chosen().items()]
        n = sum(map(self.targets.a_side, known))
        if n < LEAST or any(self.targets.a_side(each) == 0 for each in known):
            raise NotApplicable(f"{n} members or non-members; {LEAST} of each are needed")
        return np.mean([self._rechosen(half, rows) for half in (0, 1)], 0), n

    def _rechosen(self, half: int, rows: Mask | None) -> Floats:
        """Area on a half's patients [1 + draws], in each draw of the attack that is the best on the other half in that draw."""
        names = [name for name in self.scores if self._known(name)]
        if 1 - half not in self._areas:
            self._areas[1 - half] = np.stack([self._area(name, 1 - half, None) for name in names])
        best = np.where(np.isnan(self._areas[1 - half]), -1.0, self._areas[1 - half]).argmax(0)
        found = np.full(len(best), np.nan)
        for each in np.unique(best):
            found[best == each] = self._area(names[each], half, rows)[best == each]
        return found

    def _area(self, name: Name, half: int, rows: Mask | None) -> Floats:
        known = self._rows(name, half) & (True if rows is None else rows)
        return auroc(self.scores[name][known], self.targets.member[known], self.weights[:, known])

    def advantage(self) -> Floats:
        """TPR - FPR and draws at the threshold where it was largest on the half that chose the attack."""
        return self._gap(_best_threshold, True)

    def tpr(self) -> Floats | None:
        """TPR and draws at the threshold that 1 % of the choosing half's non-members pass; None for fewer than 1,000 of these."""
        if min(self.targets.a_side(self._rows(name, half)) for half, name in self.chosen().items()) < TPR_FROM:
            return None
        return self._gap(lambda score, member: float(np.quantile(score[~member], 1 - LOW_FPR)), False)

    def _gap(self, threshold: Any, against: bool) -> Floats:
        gaps = []
        for half, name in self.chosen().items():
            score, member = self.scores[name], self.targets.member
            fit, use = self._rows(name, 1 - half), self._rows(name, half)
            called = score > threshold(score[fit], member[fit])
            rates = [_share(called[side], self.weights[:, side]) for side in (use & member, use & ~member)]
            gaps.append(rates[0] - rates[1] if against else rates[0])
        return np.asarray(np.mean(gaps, 0))

    def _rows(self, name: Name, half: int) -> Mask:
        rows: Mask = ~np.isnan(self.scores[name]) & (self.targets.half == half)
        return rows

    def _known(self, name: Name) -> bool:
        return all(self.targets.a_side(self._rows(name, half)) >= LEAST // 2 for half in (0, 1))

    def _value(self, name: Name, rows: Mask) -> float:
        known = ~np.isnan(self.scores[name]) & rows
        return float(auroc(self.scores[name][known], self.targets.member[known])[0])


def _best_threshold(score: Floats, member: Mask) -> float:
    """Scores above it are called members; where TPR - FPR is largest."""
    at = np.unique(score)
    below = [np.searchsorted(np.sort(score[side]), at, side="right") / side.sum() for side in (~member, member)]
    return float(at[(below[0] - below[1]).argmax()])


def _share(called: Mask, weights: Floats) -> Floats:
    share: Floats = weights @ called.astype(np.float64) / np.maximum(weights.sum(1), 1)
    return share
