"""Dose-response, power and smallest usable n of one score under one control on one cohort."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fpmg_bench.calibration.noise import Null, beyond, false_alarms, floor_of, null_of
from fpmg_bench.calibration.observations import ENCODED, Observation

POWER, FALSE_ALARM = 0.8, 0.1  # a size is usable from here
FROM_TRAIN = (
    "collapse", "half-spread", "shuffle-pairing", "independent-columns", "drop-minority", "uniform", "label-swap",
    "grey-noise", "blur", "question-marks", "shuffled-words", "rare-pairs", "independent-gaps",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Response:
    """doses: strength -> values by seed; null: of the oracle where there is one, else of the floors; floor: of the floors. Strength 0 of a fault is the training patients themselves, the control `copy`.

    power: share of the seeds at the largest strength whose value is worse than the null's interval; None: no null.
    reason: why nothing was measured. n, held_out, members, minority: the cohort's patients, those of its split, and training
    records of its smallest class (largest over seeds).
    """

    cohort: str
    control: str
    score: str
    higher: bool | None
    doses: Mapping[float, tuple[float, ...]]
    null: Null | None
    floor: Null | None
    power: float | None
    false_alarm: float | None
    n: int
    held_out: int
    members: int
    minority: int
    reason: str = ""

    @property
    def key(self) -> str:
        """The score without its modality."""
        return self.score.partition("@")[0]

    @property
    def means(self) -> list[tuple[float, float]]:
        """(strength, mean over seeds), ascending."""
        return [(dose, math.fsum(values) / len(values)) for dose, values in sorted(self.doses.items())]

    @property
    def full(self) -> tuple[float, ...]:
        """Values at the largest strength; empty where not measured."""
        return self.doses[max(self.doses)] if self.doses else ()

    @property
    def mean(self) -> float:
        """Over seeds at the largest strength."""
        return self.means[-1][1]

    @property
    def spearman(self) -> float | None:
        """Rank correlation of strength and the distance to the null's mean, over seeds; None below three strengths."""
        if len(self.doses) < 3 or self.null is None:
            return None
        from scipy import stats

        pairs = [(dose, self._worse(value)) for dose, values in self.doses.items() for value in values]
        if len({worse for _, worse in pairs}) < 2:
            return 0.0
        return float(stats.spearmanr(*zip(*pairs, strict=True)).statistic)

    @property
    def monotone(self) -> bool | None:
        """No rise in strength makes the mean better by more than half the null's interval; None below three strengths."""
        if len(self.doses) < 3 or self.null is None:
            return None
        worse = [self._worse(mean) for _, mean in self.means]
        return all(after >= before - self.null.half for before, after in pairwise(worse))

    def _worse(self, value: float) -> float:
        assert self.null is not None
        away = value - self.null.mean
        return abs(away) if self.higher is None else -away if self.higher else away


def responses(observations: Iterable[Observation]) -> list[Response]:
    """One response a cohort, score and control, in order of appearance."""
    by_score: dict[tuple[str, str], list[Observation]] = {}
    for o in observations:
        by_score.setdefault((o.cohort, o.score), []).append(o)
    return [response for mine in by_score.values() for response in _of_score(mine)]


def _of_score(mine: Sequence[Observation]) -> list[Response]:
    null, floor = null_of(mine), floor_of(mine)
    higher = next((o.higher for o in mine if o.higher is not None), None)
    alarm = false_alarms(null, higher) if null else None
    controls = dict.fromkeys(o.control for o in mine)
    return [_response(mine, control, (null, floor), higher, alarm) for control in controls]


def _response(
    mine: Sequence[Observation],
    control: str,
    nulls: tuple[Null | None, Null | None],
    higher: bool | None,
    alarm: float | None,
) -> Response:
    null, floor = nulls
    own = [o for o in mine if o.control == control]
    measured = [o for o in own if math.isfinite(o.value)]
    doses: dict[float, tuple[float, ...]] = {}
    for strength in sorted({o.strength for o in measured}):
        doses[strength] = tuple(o.value for o in measured if o.strength == strength)
    top = [o for o in measured if o.strength == max(doses)]
    power = sum(beyond(o.value, null, higher, (o.low, o.high)) for o in top) / len(top) if null and top else None
    encoded = ENCODED if control.startswith(ENCODED) else ""
    untouched = tuple(o.value for o in mine if o.control == f"{encoded}copy" and o.strength == 1 and math.isfinite(o.value))
    if control.removeprefix(ENCODED) in FROM_TRAIN and doses and untouched and 0 not in doses:
        doses = {0.0: untouched, **doses}
    size = {name: max(getattr(o, name) for o in own) for name in ("patients", "held_out", "members", "minority")}
    reason = "" if measured else next((o.reason for o in own if o.reason), "not finite")
    return Response(
        own[0].cohort, control, own[0].score, higher, doses, null, floor, power, alarm,
        size["patients"], size["held_out"], size["members"], size["minority"], reason,
    )  # fmt: skip


def by_score(mine: Iterable[Response]) -> tuple[dict[str, dict[str, Response]], dict[str, list[str]]]:
    """score -> control -> response of one cohort; and reason -> the scores that no control could be measured by."""
    every: dict[str, dict[str, Response]] = {}
    for r in mine:
        every.setdefault(r.score, {})[r.control] = r
    silent: dict[str, list[str]] = {}
    for score in [score for score, own in every.items() if not any(r.full for r in own.values())]:
        silent.setdefault(next(iter(every.pop(score).values())).reason, []).append(score)
    return every, silent


def smallest_n(series: Iterable[Response]) -> int | None:
    """The fewest patients from which on every measured size has power >= .8 and false alarms <= .1.

    series: one score and control on cohorts of one kind that differ in size. None: no measured size is enough.
    """
    found = None
    for response in sorted(series, key=lambda r: -r.n):
        if response.power is None or response.false_alarm is None:
            continue
        if response.power < POWER or response.false_alarm > FALSE_ALARM:
            break
        found = response.n
    return found
