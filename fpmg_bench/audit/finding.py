"""From scores of canaries to guesses that were fixed in advance, and from guesses to a lower bound and its words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fpmg_bench.audit.bound import CONFIDENCE, ceiling, lower_bound
from fpmg_bench.types import Scale, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.evaluation import EvaluationSpace
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.float64]

DELTA = 1e-5  # where nothing is claimed
STEINKE = "Steinke, Nasr and Jagielski 2023, one run, 95 % confidence"
GRADIENTS, DISTANCE = 0.75, 0.5  # share of the canaries that each scorer guesses on; the rest is left open
CLOSE = 0.5  # of the distance to the closest training patient: a canary that is closer to a released record was copied


@dataclass(frozen=True, slots=True)
class Bounds:
    """What guesses on canaries say of a claim, of one audit or of several that were joined. formal: what the ledger claims, infinite

    where nothing is; scorer: "distance", "gradients", "encoders" or "sums", of those tried the one with the largest bound.
    """

    canaries: int
    guesses: int
    correct: int
    epsilon_lower: float
    ceiling: float
    formal: float
    delta: float
    scorer: str

    @property
    def violated(self) -> bool:
        """The claim is refuted."""
        return self.epsilon_lower > self.formal

    @property
    def words(self) -> str:
        """Never "passed": an audit that refutes nothing proves nothing."""
        if math.isinf(self.formal):
            return "no epsilon is claimed"
        if self.violated:
            return "VIOLATION: the lower bound is above the formal epsilon"
        return self.out_of_reach if self.ceiling <= self.formal else "not refuted"

    @property
    def out_of_reach(self) -> str:
        """In words, that no outcome could have refuted it."""
        return "not falsifiable by this audit"

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"words": self.words, "violated": self.violated}


@dataclass(frozen=True, slots=True)
class Finding(Bounds):
    """One audit, and the "audit" entry of trial.json. tried: how many scorers shared the confidence; scorers: what each of them guessed

    and how often it was right, for audits to be joined.
    """

    sabotage: str = "none"
    tried: int = 1
    scorers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def scores(self) -> list[Score]:
        """The numbers of the report, family PG."""
        n = self.canaries
        values = {name: float(getattr(self, name)) for name in ("epsilon_lower", "ceiling", "correct", "guesses", "canaries")}
        return [Score(f"audit.{name}", value, n=n) for name, value in values.items()]


class Reading:
    """How the audit's scores are read: family and scales, as a metric has them."""

    family: ClassVar[str] = "PG"
    scales: ClassVar[Mapping[str, Scale]] = {
        "audit.epsilon_lower": Scale(0.0, False, low=0.0, unit="epsilon", source=STEINKE),
        "audit.ceiling": Scale(math.nan, None, low=0.0, unit="epsilon", source=STEINKE + "; every guess right"),
        "audit.correct": Scale(math.nan, None, low=0.0, unit="canaries"),
        "audit.guesses": Scale(math.nan, None, low=0.0, unit="canaries"),
        "audit.canaries": Scale(math.nan, None, low=0.0, unit="canaries"),
    }


def found(
    member: NDArray[np.bool_], guesses: Mapping[str, NDArray[np.int8]], formal: float, delta: float | None, sabotage: str = "none"
) -> Finding:
    """The worst finding of each scorer's guesses [m] (1 in, -1 out, 0 none); the scorers share the confidence. Of equals the first."""
    confidence = 1 - (1 - CONFIDENCE) / len(guesses)
    d = DELTA if delta is None else delta
    m = len(member)
    findings = []
    told = {scorer: _counted(guess, member) for scorer, guess in guesses.items()}
    for scorer, count in told.items():
        r, right = count["guesses"], count["correct"]
        bounds = lower_bound(m, r, right, d, confidence), ceiling(m, r, d, confidence)
        findings.append(Finding(m, r, right, *bounds, formal, d, scorer, sabotage, len(told), told))
    return max(findings, key=lambda each: each.epsilon_lower)


def _counted(guess: NDArray[np.int8], member: NDArray[np.bool_]) -> dict[str, int]:
    right = int(((guess == 1) & member).sum() + ((guess == -1) & ~member).sum())
    return {"guesses": int((guess != 0).sum()), "correct": right}


def closeness(canaries: Cohort, releases: Iterable[Cohort], known: Cohort, space: EvaluationSpace) -> Floats:
    """Black box [m]: log of the distance to the closest training patient that is no canary, over the distance to the closest

    released record of any silo; only what was known before the coins fell and what was released is looked at.
    """
    from fpmg_bench.evaluation.nearest import nearest

    at = space.phi(canaries)
    near = np.min([nearest(at, space.phi(release))[0] for release in releases], axis=0)
    reference = nearest(at, space.phi(known))[0]
    tiny = np.finfo(np.float32).tiny
    ratio: Floats = np.log(np.maximum(reference, tiny).astype(np.float64)) - np.log(np.maximum(near, tiny).astype(np.float64))
    return ratio


def copied(score: Floats) -> NDArray[np.int8]:
    """Guess on all: in where a released record is `CLOSE`. For controls, which copy or do not."""
    return np.where(score > -math.log(CLOSE), 1, -1).astype(np.int8)


def ranked(score: Floats, share: float) -> NDArray[np.int8]:
    """Guess on a share: the highest scores are in, as many of the lowest are out, the rest is left open."""
    r = round(share * len(score) / 2)
    guess = np.zeros(len(score), np.int8)
    order = np.argsort(score, kind="stable")
    guess[order[:r]], guess[order[len(order) - r :]] = -1, 1
    return guess
