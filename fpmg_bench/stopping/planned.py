"""What of a budget's `stop` concerns a stage, and the accesses that it plans there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.spec import Adjust, Stop
from fpmg_bench.types import Charges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Learner
    from fpmg_bench.spec import Budget

MOST = 0.5  # rate of a rare class: above it an account gains little and every one of its patients is in every other step


def check_of(stage: str) -> str:
    """What the ledger calls the checks of a stage."""
    return f"check {stage}"


def adjusted_of(stage: str) -> str:
    """What the ledger calls the rounds of a stage after it was adjusted, whose batches are drawn at other rates."""
    return f"adjusted {stage}"


def stop_of(budget: Budget, stage: str, rounds: int) -> Stop | Adjust | None:
    """What patients held in decide in a stage of so many rounds: to end it, by a loss either stage, by a score stage 2; or to adjust it."""
    adjust = Adjust.of(budget.adjust)
    if adjust is not None:
        return adjust if stage == "stage2" and rounds > 1 else None
    stop = Stop.of(budget.stop) if rounds else None
    return stop if stop and (stop.by == "loss" or stage == "stage2") else None


def width(stop: Stop | Adjust | None, schema: Any) -> int:
    """Numbers in the sum of one check: two a class of a `Space` where it is about classes."""
    return 2 * len(schema.condition[0].categories) if isinstance(stop, Adjust) else 1


def begins(learner: Learner, schema: Any) -> int:
    """Rounds after which what a learner made can be asked about."""
    return int(learner.begins(schema)) if hasattr(learner, "begins") else 0


def accesses(budget: Budget, learner: Learner, schema: Any, stage: str, steps: int, rounds: int) -> dict[str, Charges]:
    """All that a stage of so many rounds, of so many steps each, plans: its own accesses, those after an adjustment apart, and checks.

    A check is one sum over patients; as many are planned as there may be.
    """
    whole = learner.charges(schema, steps * rounds)
    stop = stop_of(budget, stage, rounds)
    checks = {check_of(stage): Charges(counts=stop.checks(begins(learner, schema), rounds))} if stop else {}
    if not isinstance(stop, Adjust):
        return {stage: whole} | checks
    first = learner.charges(schema, steps * stop.at(rounds))
    rest = Charges(whole.private_steps - first.private_steps, whole.moments - first.moments, whole.counts - first.counts)
    return {stage: first, adjusted_of(stage): rest} | checks


def highest(rates: float | NDArray[np.float64], times: float) -> float:
    """The highest rate that `oftener` could give anyone."""
    rate = float(np.max(rates))
    return max(rate, min(rate * times, MOST))
