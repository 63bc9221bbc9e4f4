"""Of a trial with faults: whose models are measured, and what trial.json says of the faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from fpmg_bench.errors import TrialError
from fpmg_bench.faults import Crash, healing

if TYPE_CHECKING:
    from fpmg_bench.faults import Faults
    from fpmg_bench.trial.stages import Stages

T = TypeVar("T")


def measured(faults: Faults, models: Mapping[int, T], stage: str, round: int) -> dict[int, T]:
    """The models of the silos that never lie and have not crashed at the end of this round: what metrics look at."""
    out = excluded(faults, stage, round)
    left = {silo: model for silo, model in models.items() if silo not in out}
    if not left:
        raise TrialError(
            f"{stage}, round {round}: every silo lies or has crashed", "strike fewer silos, or let them rejoin (until)"
        )
    return left


def excluded(faults: Faults, stage: str, round: int) -> dict[int, str]:
    """Silo -> why no metric looks at it."""
    dead = {
        silo: f"crashed in round {each.since}"
        for each in faults.schedule
        if isinstance(each.kind, Crash) and each.on(stage, round)
        for silo in each.silos
    }
    return dict(sorted((dead | dict.fromkeys(faults.liars, "lies")).items()))


def last_round(rounds: Sequence[Mapping[str, Any]], stages: Stages) -> tuple[str, int]:
    """(stage, round) of the last record of the stage that makes the release; round -1 where it has none."""
    found = [r for r in rounds if (r["stage"] == "stage2") == (stages.parts.generator is not None)]
    return (str(found[-1]["stage"]), int(found[-1]["round"])) if found else ("stage2", -1)


def summary(stages: Stages, rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The "faults" entry of trial.json; {} where there are none.

    lost: messages that were planned and never arrived; missed: silo -> rounds in which it was inactive, over all stages; heal: see
    `faults.healing`.
    """
    if not stages.faults:
        return {}
    names = [silo.name for silo in stages.silos]
    faulted = [
        asdict(fault) | {"silos": [names[s] for s in each.silos], "heal": healing(rounds, each)}
        for fault, each in zip(stages.spec.faults, stages.faults.schedule, strict=True)
    ]
    missed: dict[str, int] = {}
    for record in rounds:
        for silo in record.get("inactive", ()):
            missed[names[silo]] = missed.get(names[silo], 0) + 1
    out = excluded(stages.faults, *last_round(rounds, stages))
    return {
        "struck": faulted,
        "excluded": {names[silo]: why for silo, why in out.items()},
        "missed": missed,
        "lost": sum(int(record.get("lost", 0)) for record in rounds),
    }
