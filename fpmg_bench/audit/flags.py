"""Red flags: what attacks on a release found that no honest trial would show, whoever wrote its components.

Under (epsilon, delta)-DP the trade-off function of any test between "in" and "out" lies above max(0, 1 - d - e^eps a, e^-eps (1 - d - a))
(Kairouz et al. 2015); the area above that is the largest AUROC of a membership attack.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from fpmg_bench.audit.bound import p_value

LEVEL = 0.05  # of a false flag, for all scores of a method's trials together
TWO_SIDED = 0.975  # the quantile at which metrics cut their own intervals
GUESSING = 0.5
FAR = 0.4  # an AUROC below it: held-out patients are nearer to the release than those who were trained on
FARTHER = 1.25  # a copy ratio above it says the same
COPY_RATIO = "rg.copy_ratio"

Trial = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Flag:
    """held_out: that people were seen whom nobody was to train on; else that a formal epsilon does not hold."""

    trial: str
    text: str
    held_out: bool = False


def permitted(epsilon: float, delta: float) -> float:
    """The largest AUROC that (epsilon, delta)-DP leaves to a membership attack.

    >>> permitted(0.0, 0.0), round(permitted(1.0, 0.0), 3), round(permitted(8.0, 1e-5), 4), permitted(float("inf"), 0.0)
    (0.5, 0.731, 0.9997, 1.0)
    """
    return 1.0 if epsilon > 700 else 1 - (1 - delta) ** 2 / (1 + math.exp(epsilon))


def spread(area: float, n: int) -> float:
    """Standard error of an AUROC of n members and n non-members where the true one is `area` (Hanley and McNeil 1982).

    >>> round(spread(0.5, 100), 3), round(spread(0.731, 100), 3)
    (0.041, 0.036)
    """
    both = (area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2)
    return math.sqrt((area * (1 - area) + (n - 1) * sum(both)) / n**2)


def flags(trials: Sequence[Trial]) -> Iterator[Flag]:
    """Of finished trials (trial.json), in their order, one of each sort; a method's trials on a cohort are held to `LEVEL` together.

    Intervals are over patients, widened as normal ones are, and an AUROC's has at least the width of what it is held against: at a small
    cohort a chance result far from it looks surer of itself than chance is. Attacks on a silo's own patients tell silos apart, too: they are left out. Controls copy because they were asked to: none is flagged.
    Values that equal a patient's are guesses that this patient was trained on, or, the other way round, that people were seen.
    """
    claims = [(trial.get("dataset"), trial.get("method")) for trial in trials]
    tests = Counter(claim for claim, trial in zip(claims, trials, strict=True) for _ in (*_told(trial), *_equal(trial)))
    for claim, trial in zip(claims, trials, strict=True):
        level = LEVEL / 2 / max(tests[claim], 1)
        found = [_Found.of(row, NormalDist().inv_cdf(1 - level), _permitted(trial)) for row in _told(trial)]
        yield from _first(*_refuted(trial, found), *_members_equal(trial, level))
        yield from _first(*_held_out(trial, found), *_others_equal(trial, level))


def _first(*found: Flag) -> Sequence[Flag]:
    return found[:1]


@dataclass(frozen=True, slots=True)
class _Found:
    """A score, and its interval at the confidence that all of them have together, for an AUROC against those that are no evidence."""

    name: str
    attack: bool
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, row: Mapping[str, Any], z: float, most: float) -> _Found:
        """z: normal quantile of that confidence; most: what epsilon permits."""
        value, wider, attack = float(row["value"]), z / NormalDist().inv_cdf(TWO_SIDED), _attack(row)
        below, above = (value - float(row["low"])) * wider, (float(row["high"]) - value) * wider
        if attack and row.get("n"):
            below, above = max(below, z * spread(most, row["n"])), max(above, z * spread(GUESSING, row["n"]))
        modality = f" ({row['modality']})" if row.get("modality") else ""
        name = f"{row['metric']}{modality}" + ("" if row["scope"] == "all" else f" of {row['scope']}")
        return cls(name, attack, value, value - below, value + above)


def _told(trial: Trial) -> Iterator[Mapping[str, Any]]:
    """Membership attacks and copy ratios that have an interval, of a release that was learnt."""
    if not _learnt(trial):
        return
    for row in trial.get("scores") or ():
        bounded = row.get("status") == "ok" and row.get("low") is not None and row.get("high") is not None
        of_all = not str(row.get("scope")).startswith("silo:") and not str(row["metric"]).endswith("own")
        if bounded and of_all and (_attack(row) or row["metric"] == COPY_RATIO):
            yield row


def _learnt(trial: Trial) -> bool:
    """A release that was learnt from all silos' patients."""
    spec: Mapping[str, Any] = trial.get("spec") or {}
    return not spec.get("control") and bool(spec.get("generator")) and not _told_by_silo(trial)


def _equal(trial: Trial) -> Mapping[str, Mapping[str, int]]:
    """Modality -> patients of whom a value was released; of a release that was learnt, where there are any."""
    found: Mapping[str, Mapping[str, int]] = trial.get("equal") or {}
    return {name: each for name, each in found.items() if each["members"] + each["others"]} if _learnt(trial) else {}


def _told_by_silo(trial: Trial) -> bool:
    """Where a silo's own patients alone are members, and silos were made unlike: held-out ones differ from them by more than that."""
    made = (trial["spec"].get("partition") or {}).get("kind") != "natural"
    return made and not (trial.get("bytes") or {}).get("messages") and len(trial.get("silos") or ()) > 1


def _attack(row: Mapping[str, Any]) -> bool:
    return row.get("family") == "PG" and row.get("unit") == "AUROC" and row.get("best") == GUESSING


def _permitted(trial: Trial) -> float:
    """What an attack on the trial may reach; 1 where nothing is claimed."""
    claimed = trial.get("privacy")
    return permitted(float(claimed["epsilon"]), float(claimed["delta"])) if claimed else 1.0


def _refuted(trial: Trial, found: Sequence[_Found]) -> Iterator[Flag]:
    """The attack that lies furthest above what the trial's epsilon permits."""
    claimed = trial.get("privacy")
    if not claimed:
        return
    epsilon, delta = float(claimed["epsilon"]), float(claimed["delta"])
    most = _permitted(trial)
    above = [each for each in found if each.attack and each.low > most]
    if above:
        worst = max(above, key=lambda each: each.low)
        said = f"{worst.name} recognises training patients with AUROC {worst.value:.3f}, at least {worst.low:.3f}"
        yield Flag(trial["id"], f"{said}; epsilon {epsilon:.3g} at delta {delta:.0e} permits {most:.3f}{_others(above)}")


def _members_equal(trial: Trial, level: float) -> Iterator[Flag]:
    """As many training patients whose values were released as (epsilon, delta) hardly allows: every equal value is a guess."""
    claimed = trial.get("privacy")
    for modality, each in (_equal(trial) if claimed else {}).items():
        epsilon, delta = float(claimed["epsilon"]), float(claimed["delta"])  # type: ignore[index]
        guesses = each["members"] + each["others"]
        if p_value(2 * each["patients"], guesses, each["members"], epsilon, delta) < level:
            said = f"{modality} of {each['members']} of {each['patients']} training patients was released as it is, of as many held-out ones that of {each['others']}"
            yield Flag(trial["id"], f"{said}; epsilon {epsilon:.3g} at delta {delta:.0e} does not permit it")


def _others_equal(trial: Trial, level: float) -> Iterator[Flag]:
    """More held-out patients than training ones: no guess is right more often than by a fair coin for whoever saw none of them."""
    for modality, each in ({} if trial.get("audit") else _equal(trial)).items():
        if p_value(2 * each["patients"], each["members"] + each["others"], each["others"], 0.0, 0.0) < level:
            said = f"{modality} of {each['others']} of {each['patients']} held-out patients was released as it is, of as many training patients that of {each['members']}"
            yield Flag(trial["id"], f"held-out patients were seen: {said}", True)


def _held_out(trial: Trial, found: Sequence[_Found]) -> Iterator[Flag]:
    """Made-up patients lie far from everybody, so an audit's trial says nothing here."""
    if trial.get("audit"):
        return
    nearer = [each for each in found if (each.high < FAR if each.attack else each.low > FARTHER)]
    if nearer:
        worst = next((each for each in nearer if each.attack), nearer[0])
        what = (
            f"AUROC {worst.value:.3f}, at most {worst.high:.3f}"
            if worst.attack
            else f"{worst.value:.3g}, at least {worst.low:.3g}"
        )
        said = f"held-out patients were seen: {worst.name} is {what}, so the release is nearer to them than to those who were trained on"
        yield Flag(trial["id"], f"{said}{_others(nearer)}", True)


def _others(found: Sequence[_Found]) -> str:
    return f" ({len(found) - 1} more such {'score' if len(found) == 2 else 'scores'})" if len(found) > 1 else ""
