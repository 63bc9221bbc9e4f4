"""What of a budget's `stop` concerns a stage, and the accesses that it plans there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpmg_bench.spec import Stop
from fpmg_bench.types import Charges

if TYPE_CHECKING:
    from fpmg_bench.contracts import Learner
    from fpmg_bench.spec import Budget


def check_of(stage: str) -> str:
    """What the ledger calls the checks of a stage."""
    return f"check {stage}"


def stop_of(budget: Budget, stage: str, rounds: int) -> Stop | None:
    """What ends a stage of so many rounds by patients held in: a loss either stage, a score stage 2, nothing one without rounds."""
    stop = Stop.of(budget.stop) if rounds else None
    return stop if stop and (stop.by == "loss" or stage == "stage2") else None


def begins(learner: Learner, schema: Any) -> int:
    """Rounds after which what a learner made can be asked about."""
    return int(learner.begins(schema)) if hasattr(learner, "begins") else 0


def charges(budget: Budget, learner: Learner, schema: Any, stage: str, rounds: int) -> dict[str, Charges]:
    """One sum over patients for as many checks as there may be; nothing where nothing is checked."""
    stop = stop_of(budget, stage, rounds)
    return {check_of(stage): Charges(counts=stop.checks(begins(learner, schema), rounds))} if stop else {}
